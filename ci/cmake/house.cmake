# The house rules as build settings, and the functions that every folder uses.
include(GNUInstallDirs)

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON) # _GNU_SOURCE interfaces of Linux; the language stays C11
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
	set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")

# What our own code is compiled with.  No float contraction anywhere: det-v1 says where an fma is.
add_library(b3iq_house INTERFACE)
target_compile_definitions(b3iq_house INTERFACE _GNU_SOURCE)
target_compile_options(b3iq_house INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes
	-Wconversion -Werror -fvisibility=hidden -ffp-contract=off -fno-math-errno -fstack-protector-strong)
# json-c's own foreach macro is a statement expression.
target_compile_options(b3iq_house INTERFACE $<$<C_COMPILER_ID:Clang>:-Wno-gnu-statement-expression>)
target_link_options(b3iq_house INTERFACE -Wl,-z,relro -Wl,-z,now)
target_include_directories(b3iq_house INTERFACE ${CMAKE_SOURCE_DIR}/sdk)
if(B3IQ_SANITIZE)
	add_compile_options(-fsanitize=${B3IQ_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
	add_link_options(-fsanitize=${B3IQ_SANITIZE})
endif()
if(B3IQ_FUZZ)
	add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# b3iq_room(NAME ROOT dir SOURCES a.c ... LINK lower rooms and libraries)
#   A static library of the house.  ROOT is the include root that its users get.
function(b3iq_room name)
	cmake_parse_arguments(R "" "ROOT" "SOURCES;LINK" ${ARGN})
	add_library(${name} STATIC ${R_SOURCES})
	target_include_directories(${name} PUBLIC ${R_ROOT})
	target_link_libraries(${name} PUBLIC ${R_LINK} PRIVATE b3iq_house)
endfunction()

# b3iq_unit(NAME [SOURCES test.c ...] LINK room ... [TIMEOUT s] [ARGS ...] [THREADS])
#   A white-box test program tests/unit/<room>/NAME.c, which includes the .c that it tests.
#   THREADS: it runs several at once, for the thread sanitizer: ctest -L threads.
function(b3iq_unit name)
	cmake_parse_arguments(U "THREADS" "TIMEOUT" "SOURCES;LINK;ARGS" ${ARGN})
	if(NOT U_SOURCES)
		set(U_SOURCES ${name}.c)
	endif()
	if(NOT U_TIMEOUT)
		set(U_TIMEOUT 60)
	endif()
	set(labels unit)
	if(U_THREADS)
		list(APPEND labels threads)
	endif()
	add_executable(${name} ${U_SOURCES})
	target_link_libraries(${name} PRIVATE ${U_LINK} b3iq_house cmocka)
	target_compile_definitions(${name} PRIVATE SOURCE_DIR="${CMAKE_SOURCE_DIR}"
		SHARED_DIR="${CMAKE_SOURCE_DIR}/../shared" BUILD_DIR="${CMAKE_BINARY_DIR}")
	add_test(NAME ${name} COMMAND ${name} ${U_ARGS})
	# An allocation that is too large fails under a sanitizer as it does without: with NULL.
	set_tests_properties(${name} PROPERTIES TIMEOUT ${U_TIMEOUT} SKIP_RETURN_CODE 77 LABELS "${labels}"
		ENVIRONMENT "ASAN_OPTIONS=allocator_may_return_null=1")
endfunction()

# b3iq_embed(TARGET symbol file)
#   Puts a file into TARGET as `extern const unsigned char symbol[], symbol_end[]`; *symbol_end is 0.
function(b3iq_embed target symbol file)
	get_filename_component(file ${file} ABSOLUTE)
	set(source ${CMAKE_CURRENT_BINARY_DIR}/${symbol}.c)
	file(CONFIGURE OUTPUT ${source} @ONLY CONTENT [[
/* Made by b3iq_embed(). */
extern const unsigned char @symbol@[], @symbol@_end[];
__asm__(".pushsection .rodata\n"
	"\t.balign 16\n"
	"\t.globl @symbol@\n\t.hidden @symbol@\n@symbol@:\n"
	"\t.incbin \"@file@\"\n"
	"\t.globl @symbol@_end\n\t.hidden @symbol@_end\n@symbol@_end:\n"
	"\t.byte 0\n"
	"\t.popsection\n");
]])
	set_source_files_properties(${source} TARGET_DIRECTORY ${target} PROPERTIES OBJECT_DEPENDS ${file})
	target_sources(${target} PRIVATE ${source})
endfunction()
