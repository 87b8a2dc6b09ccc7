# Run by sh with the new root file system as its argument while the packages that it was made from still lie in its cache:
# keeps some of them as a package source, so that a node, which has no way out, can have them installed again.
set -eu
root=$1
place=usr/local/lib/bramble/packages
mkdir -p "$root/$place"
# What the nodes' preparation installs, and what comes along with it.
for name in nftables libnftables1 libedit2 libjansson4 libmnl0 libnftnl11 libxtables12 logrotate libpopt0; do
  cp "$root"/var/cache/apt/archives/"${name}"_*.deb "$root/$place/"
done
# Debian's form of an index (deb822), as dpkg-scanpackages would write it; that is in none of the packages we need.
cd "$root/$place"
for package in *.deb; do
  dpkg-deb --field "$package"
  echo "Filename: ./$package"
  echo "Size: $(stat -c %s "$package")"
  echo "SHA256: $(sha256sum "$package" | cut -d ' ' -f 1)"
  echo
done > Packages
rm -f "$root"/etc/apt/sources.list.d/*
echo "deb [trusted=yes] file:/$place ./" > "$root/etc/apt/sources.list"
