#!/bin/bash
# push.sh OLLAMA MODELFILE REFERENCE REGISTRY COMMAND...: makes the model with a throw-away Ollama server and pushes it to a
# registry that COMMAND runs. Runs in namespaces of its own: the ports are free, what it mounts nobody sees, nothing outlives it.
set -euo pipefail
ollama=$1 modelfile=$2 reference=$3 registry=$4
shift 4

ip link set lo up
"$@" &
# Ollama writes the path of its blobs into the manifest: only the same path each time gives the same digest.
mkdir models
mount --bind models /mnt
export OLLAMA_HOST=127.0.0.1:11434 OLLAMA_MODELS=/mnt HOME=$PWD
"$ollama" serve > ollama.log 2>&1 &

wait_for() {
  for _ in {1..200}; do
    if (exec 3<> "/dev/tcp/${1%:*}/${1#*:}") 2> /dev/null; then return; fi
    sleep 0.1
  done
  echo "nothing listens at $1" >&2
  cat ollama.log >&2
  return 1
}
wait_for "$OLLAMA_HOST"
wait_for "$registry"

"$ollama" create "$registry/library/$reference" --file "$modelfile"
"$ollama" push --insecure "$registry/library/$reference"
