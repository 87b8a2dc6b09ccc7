# Makes the directory of a derived model, from which one Ollama server serves it: the base's blobs are linked, so that no
# weights lie on the disk twice, and what the base does not have is copied from FILES and checked. MODELS holds a directory
# for each model, named by its digest (BASE, DERIVED); SHARED and MADE are the digests of both kinds of blobs; the
# derived manifest goes to MANIFEST below its directory. Needs a POSIX shell and sha256sum.
set -eu
umask 022
from=$MODELS/$BASE
to=$MODELS/$DERIVED

place() { # place SOURCE TARGET DIGEST
  cp "$1" "$2.new"
  found=$(sha256sum "$2.new" | cut -d ' ' -f 1)
  if [ "$found" != "$3" ]; then
    echo "$1 is sha256:$found, not sha256:$3: the disk is full, or damaged" >&2
    exit 1
  fi
  mv -f "$2.new" "$2"
}

mkdir -p "$to/blobs" "$to/${MANIFEST%/*}"
for blob in $SHARED; do
  ln -f "$from/blobs/sha256-$blob" "$to/blobs/"
done
for blob in $MADE; do
  place "$FILES/sha256-$blob" "$to/blobs/sha256-$blob" "$blob"
done
sync
# Last: Ollama serves what has a manifest.
place "$FILES/manifest" "$to/$MANIFEST" "$DERIVED"
sync
echo "$DERIVED is in its place"
