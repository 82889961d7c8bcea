# How a plugin is built, in this tree and with the installed SDK alike.
#
#   b3iq_add_plugin(NAME MANIFEST plugin.json SOURCES a.c ... [LINK lib ...] [DEFINITIONS X=1 ...])
#       A module NAME.so that exports b3iq_plugin_entry and nothing else, leaves no symbol to chance
#       and carries the minified manifest as an ELF note.  It defines B3IQ_PLUGIN_ID and
#       B3IQ_PLUGIN_VERSION from the manifest, so that both are written once.  The .so lies in
#       <build>/plugins and is installed with the component `plugins`; where the variable
#       B3IQ_PLUGIN_OUTPUT names a folder, it lies there and is not installed.
#
#   b3iq_check_plugin(NAME [AS name] [ARGS ...])
#       The tests check-NAME-inline and check-NAME-sandbox: plugin-check, with these arguments, must
#       pass on it.  AS names them otherwise.
include_guard(GLOBAL)
include(GNUInstallDirs)

# This folder holds plugin.h in the source tree; the installed package sets the variable itself.
if(NOT B3IQ_SDK_INCLUDE_DIR)
	set(B3IQ_SDK_INCLUDE_DIR ${CMAKE_CURRENT_LIST_DIR} CACHE INTERNAL "folder of plugin.h")
endif()

# Writes the C file whose note is the manifest.  Sources are only touched when the text changes.
function(_b3iq_manifest name json_file c_file)
	set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${json_file})
	file(READ ${json_file} json)
	foreach(key id version kind abi)
		string(JSON ${key} ERROR_VARIABLE wrong GET "${json}" ${key})
		if(wrong)
			message(FATAL_ERROR "${json_file}: ${wrong}; a manifest needs id, version, kind and abi")
		endif()
	endforeach()
	# Minify: keep strings and every other run of characters, drop the white space between them.
	# A list separator inside a string is hidden meanwhile behind a byte that JSON cannot hold.
	string(ASCII 31 hidden)
	string(REPLACE ";" "${hidden}" json "${json}")
	string(REGEX MATCHALL "\"([^\"\\]|\\\\.)*\"|[^\" \t\r\n]+" tokens "${json}")
	string(REPLACE ";" "" json "${tokens}")
	string(REPLACE "${hidden}" ";" json "${json}")
	# As a C literal, broken after each comma to keep its lines short; `?` so that no trigraph forms.
	string(REPLACE "\\" "\\\\" json "${json}")
	string(REPLACE "\"" "\\\"" json "${json}")
	string(REPLACE "?" "\\?" json "${json}")
	string(REPLACE "," ",\"\n\t\"" json "${json}")
	set(text "/* Made from plugin.json by plugin.cmake. */\n#include \"plugin.h\"\n\n")
	string(APPEND text "B3IQ_MANIFEST(\n\t\"${json}\");\n")
	set(old "")
	if(EXISTS ${c_file})
		file(READ ${c_file} old)
	endif()
	if(NOT "${old}" STREQUAL "${text}")
		file(WRITE ${c_file} "${text}")
	endif()
	set(id "${id}" PARENT_SCOPE)
	set(version "${version}" PARENT_SCOPE)
endfunction()

# Is this folder built with a sanitizer or fuzzer?  Their symbols come from the program at run time.
function(_b3iq_sanitized result)
	get_property(compile DIRECTORY PROPERTY COMPILE_OPTIONS)
	get_property(link DIRECTORY PROPERTY LINK_OPTIONS)
	set(all "${compile} ${link} ${CMAKE_C_FLAGS} ${CMAKE_MODULE_LINKER_FLAGS}")
	string(FIND "${all}" "-fsanitize" at)
	if(at LESS 0)
		set(${result} FALSE PARENT_SCOPE)
	else()
		set(${result} TRUE PARENT_SCOPE)
	endif()
endfunction()

function(b3iq_add_plugin name)
	cmake_parse_arguments(P "" "MANIFEST" "SOURCES;LINK;DEFINITIONS" ${ARGN})
	if(NOT P_MANIFEST OR NOT P_SOURCES OR P_UNPARSED_ARGUMENTS)
		message(FATAL_ERROR "b3iq_add_plugin(NAME MANIFEST plugin.json SOURCES a.c ... "
			"[LINK ...] [DEFINITIONS ...])")
	endif()
	get_filename_component(manifest ${P_MANIFEST} ABSOLUTE)
	set(note ${CMAKE_CURRENT_BINARY_DIR}/${name}-manifest.c)
	set(exports ${CMAKE_CURRENT_BINARY_DIR}/${name}.map)
	_b3iq_manifest(${name} ${manifest} ${note})
	file(CONFIGURE OUTPUT ${exports} CONTENT "{ global: b3iq_plugin_entry; local: *; };\n")

	add_library(${name} MODULE ${P_SOURCES} ${note})
	# ISO C promises only 4095 bytes of literal; gcc and clang keep a manifest of any length.
	set_source_files_properties(${note} PROPERTIES COMPILE_OPTIONS -Wno-overlength-strings)
	set_target_properties(${name} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
		POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden
		VISIBILITY_INLINES_HIDDEN ON LINK_DEPENDS ${exports})
	target_include_directories(${name} PRIVATE ${B3IQ_SDK_INCLUDE_DIR})
	target_compile_definitions(${name} PRIVATE B3IQ_PLUGIN_ID="${id}"
		B3IQ_PLUGIN_VERSION="${version}" ${P_DEFINITIONS})
	target_link_libraries(${name} PRIVATE ${P_LINK})
	if(TARGET b3iq_house)
		target_link_libraries(${name} PRIVATE b3iq_house)
	endif()
	target_link_options(${name} PRIVATE -Wl,--version-script=${exports} -Wl,--exclude-libs,ALL
		-Wl,-z,now -Wl,-z,nodelete -Wl,-z,noexecstack)
	_b3iq_sanitized(sanitized)
	if(NOT sanitized)
		target_link_options(${name} PRIVATE -Wl,-z,defs)
	endif()

	if(B3IQ_PLUGIN_OUTPUT)
		set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${B3IQ_PLUGIN_OUTPUT})
	else()
		set_target_properties(${name} PROPERTIES
			LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins)
		install(TARGETS ${name} COMPONENT plugins
			LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/b3iq/plugins)
	endif()
endfunction()

function(b3iq_check_plugin name)
	cmake_parse_arguments(C "" "AS" "ARGS" ${ARGN})
	if(NOT C_AS)
		set(C_AS ${name})
	endif()
	foreach(where inline sandbox)
		add_test(NAME check-${C_AS}-${where}
			COMMAND plugin-check --${where} ${C_ARGS} $<TARGET_FILE:${name}>)
		set_tests_properties(check-${C_AS}-${where} PROPERTIES TIMEOUT 600 LABELS plugin)
	endforeach()
endfunction()
