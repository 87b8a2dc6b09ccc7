# Run by sh inside the new root file system, after files/ was copied into it: makes it the state of a card that was just
# written and never booted.
set -eu

# Like Raspberry Pi OS: the seed lies on the boot partition, sshd is there but off until the seed turns it on, and
# there is no host key but the one that the seed brings.
install -d /boot/firmware /var/lib/cloud/seed
ln -s /boot/firmware /var/lib/cloud/seed/nocloud
rm -f /etc/ssh/ssh_host_*
systemctl disable --quiet ssh.service
: > /etc/machine-id
rm -f /var/lib/dbus/machine-id
echo raspberrypi > /etc/hostname
: > /etc/resolv.conf
: > /etc/fstab

systemctl enable --quiet bramble-twin.service systemd-networkd.service

# Noise: nothing here has a way out, a console or a disk to look after.
systemctl disable --quiet e2scrub_reap.service remote-fs.target getty@tty1.service
systemctl mask --quiet apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \
  systemd-timesyncd.service systemd-pstore.service getty.target console-getty.service cloud-init-hotplugd.socket \
  systemd-resolved.service systemd-firstboot.service

rm -f /etc/apt/apt.conf.d/99mmdebstrap
rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/*.log /var/log/apt /tmp/* /run/*
