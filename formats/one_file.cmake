# The plug-in of rans.h as one C file, for those who want to build it alone:
#     cmake -D FROM=DIR -D TO=FILE -P one_file.cmake
set(all "")
foreach(part rans.h rans_parts.h rans.c rans_encode.c rans_plugin.c)
    file(READ "${FROM}/${part}" text)
    string(REGEX REPLACE "#include \"rans[a-z_]*\\.h\"\n" "" text "${text}")
    string(APPEND all "/* ---- ${part} ---- */\n${text}\n")
endforeach()
file(WRITE "${TO}" "${all}")
