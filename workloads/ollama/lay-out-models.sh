# Lays several models side by side into SET, the directory that one Ollama server of a node serves from. MODELS holds a
# directory for each model, named by its digest, and is on the same file system; DIGESTS names those that belong together.
# Blobs are linked, so that nothing lies on the disk twice. Needs a POSIX shell.
set -eu
umask 022
for digest in $DIGESTS; do
  mkdir -p "$SET/blobs"
  for blob in "$MODELS/$digest"/blobs/sha256-*; do
    case $blob in *-partial*) continue ;; esac
    ln -f "$blob" "$SET/blobs/"
  done
  cp -R "$MODELS/$digest/manifests" "$SET/"
done
sync
echo "$(echo "$DIGESTS" | wc -w) models are in their place"
