# Makes an archive with GNU tar in the given format, filters it, and compares what tar says of it with what tar says of the
# original without the left-out lines; once as it is and once compressed.
set -eu
format=$1 filter=$2 node=$3
mkdir -p root/usr/lib/ollama/cuda_v12/sub root/usr/lib/ollama/rocm root/usr/bin
long=$(printf 'long%.0s' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20)
if [ "$format" != ustar ]; then
  long=$long$long
  echo ü > root/usr/bin/ü
fi
echo program > root/usr/bin/ollama
echo long > "root/usr/bin/$long"
ln root/usr/bin/ollama root/usr/bin/hard-link
ln -s ../lib/ollama/cuda_v12 root/usr/bin/link
mkfifo root/usr/bin/pipe
head -c 70000 /dev/zero > root/usr/lib/ollama/cuda_v12/libcublas.so
echo "$long" > "root/usr/lib/ollama/cuda_v12/sub/$long"
echo rocm > root/usr/lib/ollama/rocm/librocm.so
echo cpu > root/usr/lib/ollama/libggml-cpu.so
: > root/usr/lib/ollama/empty
chmod 0 root/usr/lib/ollama/empty
tar --create --format="$format" --sort=name --file=layer.tar --directory=root .
gzip --keep layer.tar
zstd --quiet --keep layer.tar
for layer in layer.tar layer.tar.gz layer.tar.zst; do
  "$node" "$filter" "$layer" > filtered.tar
  tar --list --verbose --file=layer.tar | grep -v -e ' ./usr/lib/ollama/cuda_v12' -e ' ./usr/lib/ollama/rocm' > expected
  tar --list --verbose --file=filtered.tar > found
  diff expected found
done
mkdir out
tar --extract --file=filtered.tar --directory=out
rm -r root/usr/lib/ollama/cuda_v12 root/usr/lib/ollama/rocm
diff --recursive --no-dereference --exclude=pipe root out
echo "the same"
