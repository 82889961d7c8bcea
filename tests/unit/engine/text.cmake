# The files of engine/file and engine/text.
foreach(name gguf unicode merge pretok vocab special spm bpe tokenizer chat stop)
	b3iq_unit(test_${name} LINK engine)
endforeach()
b3iq_unit(test_root LINK engine THREADS)

# The prompts in data/chat.json are what the templates give; skipped without python3-jinja2 or the originals.
find_package(Python3 COMPONENTS Interpreter)
if(Python3_FOUND)
	add_test(NAME chat_vectors COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/chat_vectors.py
		${CMAKE_SOURCE_DIR}/../shared/data/templates)
	set_tests_properties(chat_vectors PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 60 LABELS unit)
endif()
