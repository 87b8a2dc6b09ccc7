// llama.cpp asks for <miniaudio/miniaudio.h>; the module that carries the header has it at its top.
#include <miniaudio.h>
