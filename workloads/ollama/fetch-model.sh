# Lays the experiment's model into OLLAMA_MODELS, a directory of the node that every experiment with the same model
# shares, and makes sure that it is the locked one. Needs a POSIX shell, flock, sha256sum and ollama.
# REFERENCE: the model's name for those who use it; SOURCE: the name it is pulled by; DIGEST: SHA-256 of its manifest,
# which lies at MANIFEST below OLLAMA_MODELS; INSECURE: --insecure (Ollama's word for plain HTTP) or nothing; BYTES: what
# the model takes on the disk, 0 where nobody knows; RESERVE: bytes of the disk that stay free whatever comes.
set -eu
umask 022
cd "$OLLAMA_MODELS"
verified=.verified

digest_of() { sha256sum "$1" | cut -d ' ' -f 1; }
is_locked() { [ -f "$MANIFEST" ] && [ "$(digest_of "$MANIFEST")" = "$DIGEST" ]; }

# One experiment pulls, the others wait. The kernel frees the lock, whatever becomes of its holder.
exec 9> .lock
flock 9

if [ -f "$verified" ] && is_locked; then
  echo "$REFERENCE is here already"
  exit 0
fi

# What a power cut left half-written goes; what is whole, and parts that a pull can go on with, stay.
for blob in blobs/sha256-*; do
  case $blob in *-partial*) continue ;; esac
  if [ -f "$blob" ] && [ "sha256-$(digest_of "$blob")" != "${blob#blobs/}" ]; then
    echo "$blob is damaged: removed"
    rm "$blob"
  fi
done

# Full, the disk would take K3s down with it. What has arrived of an interrupted pull counts as there.
there=$(du -sk . | cut -f 1)
free=$(df -Pk . | awk 'NR == 2 { print $4 }')
missing=$((BYTES / 1024 - there))
[ "$missing" -gt 0 ] || missing=0
if [ $((free - missing)) -lt $((RESERVE / 1024)) ]; then
  echo "the disk is too full for $REFERENCE: $((missing / 1024)) MiB are to come and $((RESERVE / 1048576)) MiB to stay free, but only $((free / 1024)) MiB are free below $OLLAMA_MODELS" >&2
  exit 1
fi

ollama serve > "$HOME/serve.log" 2>&1 9>&- &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
tries=0
until ollama list > /dev/null 2>&1; do
  tries=$((tries + 1))
  if [ "$tries" -ge 120 ] || ! kill -0 "$server" 2> /dev/null; then
    echo "the Ollama server did not start:" >&2
    tail -n 20 "$HOME/serve.log" >&2
    exit 1
  fi
  sleep 0.5
done

echo "pulling $SOURCE"
if ! ollama pull $INSECURE "$SOURCE" > /dev/null 2> "$HOME/pull.log"; then
  echo "pulling $SOURCE failed:" >&2
  tail -c 600 "$HOME/pull.log" >&2
  exit 1
fi
[ "$SOURCE" = "$REFERENCE" ] || ollama cp "$SOURCE" "$REFERENCE"

if ! is_locked; then
  echo "$SOURCE is sha256:$(digest_of "$MANIFEST"), but the experiment locks sha256:$DIGEST" >&2
  ollama rm "$SOURCE" "$REFERENCE" > /dev/null 2>&1 || true
  exit 1
fi
sync
: > "$verified"
sync
echo "$REFERENCE is here"
