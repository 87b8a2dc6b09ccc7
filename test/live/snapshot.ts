/**
 * A shell script that prints what a node is: files with mode, owner and digest, units, packages, mounts, firewall, swap. What
 * the system itself keeps writing is left out. Equal texts before and after mean that nothing was left behind.
 */
export const snapshotScript = `
places="/etc /usr /opt /boot/firmware /root /home /var/lib /var/spool"
volatile="/var/lib/systemd /var/lib/cloud /var/lib/apt /var/lib/dpkg /var/lib/logrotate /var/lib/private /var/lib/dbus /var/lib/polkit-1"
prune=""
for path in $volatile; do prune="$prune -path $path -prune -o"; done
echo "== files"
find $places -xdev $prune -type f -printf '%p %m %U:%G %s\\n' -o -type l -printf '%p -> %l\\n' -o -type d -printf '%p/ %m %U:%G\\n' | grep -v '/__pycache__' | sort
echo "== digests"
find /etc /usr/local /boot/firmware -xdev -type f -exec sha256sum {} + | sort -k 2
echo "== units"
systemctl list-unit-files --no-legend --no-pager | awk '{ print $1, $2 }' | sort
echo "== packages"
dpkg-query -W -f '\${Package} \${Version} \${db:Status-Abbrev}\\n' | sort
echo "== mounts"
findmnt --real --noheadings --list --output TARGET,FSTYPE | sort
echo "== firewall"
# Rules. Empty tables and chains, which K3s's programs made the kernel have, stay till the next boot and do nothing.
{ iptables-save; ip6tables-save; } | grep '^-A' || true
nft list tables inet
echo "== links"
ip -brief link | awk '{ print $1 }' | sed 's/@.*//' | sort
echo "== swap"
cat /proc/swaps
`;
