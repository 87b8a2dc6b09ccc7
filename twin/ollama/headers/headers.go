// Package headers keeps a module in go.mod from which the build takes a C header. Ollama vendors llama.cpp, whose
// directory named vendor the Go module proxy leaves out of every module: miniaudio's header is missing there.
package headers

import _ "github.com/gen2brain/malgo"
