# Every reader as a target of libFuzzer, and the programs that make its seeds.
set(targets codec rans)
set(readers model data scores twin arch json csv idx npy npz cifar image onnx
    keras config safetensors index zip torch pickle state_dict)

foreach(name ${targets})
    add_executable(fuzz_${name} fuzz_${name}.c)
    add_executable(seeds_${name} fuzz_${name}.c)
    target_compile_definitions(fuzz_${name} PRIVATE PARE_LIBFUZZER)
    target_link_libraries(seeds_${name} PRIVATE pare_formats)
endforeach()
add_executable(seeds_model fuzz_model.c)
target_link_libraries(seeds_model PRIVATE pare_formats)

foreach(name ${readers})
    add_executable(fuzz_${name} fuzz_one.c fuzz_readers.c)
    target_compile_definitions(fuzz_${name} PRIVATE FUZZ_READER="${name}")
endforeach()
foreach(name ${targets} ${readers})
    target_link_libraries(fuzz_${name} PRIVATE pare_formats)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
endforeach()

foreach(name image scores)
    add_executable(${name}_probe tools/${name}_probe.c)
    target_link_libraries(${name}_probe PRIVATE pare_formats PNG::PNG JPEG::JPEG)
    target_include_directories(${name}_probe PRIVATE .)
endforeach()
