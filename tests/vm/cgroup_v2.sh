#!/usr/bin/env bash
# Proves the cgroup v2 code where it is used most: as an ordinary user under systemd's delegation.
#
# Builds a small Debian 12 virtual machine (debootstrap, linux-image-cloud-amd64), copies this
# checkout and its dependencies into it, boots it in QEMU, logs an ordinary user in, runs a command
# in the checkout as that user, and powers the machine off. Run by hand, as root, on Debian:
#
#   apt-get install qemu-system-x86 debootstrap
#   tests/vm/cgroup_v2.sh [COMMAND]     default: CPU shares, pauses, memory limit, guard
#
# ACCEL=kvm is faster where it works; the default is emulation (tcg), which is slower by about ten
# times and says nothing about absolute times, but shares and pauses are ratios of the guest's own
# clock. VM_DIR (default /tmp/tuner-vm) keeps the base system for the next time. The guest has no
# network.
set -euo pipefail

checkout=$(cd "$(dirname "$0")/../.." && pwd)
tests="tests/bench/sandbox tests/unit/locallambda/sandbox/test_memory_limit.py tests/unit/locallambda/sandbox/test_guard.py"
command=${1:-"python3 -m pytest -p no:cacheprovider --color=no -q -s -rs \\
  -m 'bench or not bench' -k 'v2 or memory_limit or guard' $tests"}
vm=${VM_DIR:-/tmp/tuner-vm}
accel=${ACCEL:-tcg,thread=multi}
root=$vm/rootfs
mkdir -p "$vm"

if [ ! -e "$vm/base-ready" ]; then
  rm -rf "$root"
  debootstrap --variant=minbase \
    --include=systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,python3,linux-image-cloud-amd64,udev,login,passwd,procps \
    bookworm "$root" >"$vm/debootstrap.log"
  chroot "$root" useradd -m -s /bin/bash -u 1000 tester
  echo debian-vm >"$root/etc/hostname"
  touch "$vm/base-ready"
fi

# Debian 12 has Python 3.11: take wheels for that, whatever runs here.
python3 -m pip install -q --disable-pip-version-check --upgrade --target "$root/opt/site" \
  --python-version 3.11 --only-binary :all: "$checkout[test]" 2>"$vm/pip.log" ||
  { tail -3 "$vm/pip.log"; exit 1; }
echo /opt/site >"$root/usr/local/lib/python3.11/dist-packages/site.pth"
rm -rf "$root/opt/site/tuner" "$root/opt/tuner" # the checkout itself is what runs
mkdir "$root/opt/tuner"
(cd "$checkout" && git ls-files -co --exclude-standard -z | tar --null -T - -cf -) | tar -C "$root/opt/tuner" -xf -
chroot "$root" chown -R tester /opt/tuner

cat >"$root/opt/prove.sh" <<PROVE
#!/bin/bash
cd /opt/tuner
export XDG_RUNTIME_DIR=/run/user/1000 PYTHONPATH=/opt/tuner PYTHONDONTWRITEBYTECODE=1
echo "GUEST BEGINS as \$(id -un), \$(uname -r), cgroup \$(cat /proc/self/cgroup)"
$command
echo "GUEST ENDS with exit code \$?"
PROVE
chmod +x "$root/opt/prove.sh"

# A login session, as a person at a terminal has: its cgroup is NOT delegated to the user.
cat >"$root/etc/systemd/system/prove.service" <<'UNIT'
[Unit]
After=multi-user.target systemd-user-sessions.service
[Service]
Type=oneshot
User=tester
PAMName=login
Environment=XDG_SESSION_TYPE=tty
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
TimeoutStartSec=infinity
ExecStart=/opt/prove.sh
ExecStopPost=+/bin/systemctl poweroff --force
[Install]
WantedBy=multi-user.target
UNIT
chroot "$root" systemctl enable -q prove.service
chroot "$root" systemctl mask -q serial-getty@ttyS0.service # it would hang up our terminal

rm -f "$vm/disk.img"
mke2fs -q -t ext4 -d "$root" "$vm/disk.img" 4G
timeout "${VM_SECONDS:-1800}" qemu-system-x86_64 -accel "$accel" -cpu max -m 2048 -smp 2 \
  -kernel "$root"/boot/vmlinuz-* -initrd "$root"/boot/initrd.img-* \
  -append "console=ttyS0 root=/dev/vda rw quiet mitigations=off" \
  -drive "file=$vm/disk.img,if=virtio,format=raw" -nic none -nographic -no-reboot >"$vm/console.log" 2>&1 || true
rm -f "$vm/disk.img"
sed -n '/GUEST BEGINS/,/GUEST ENDS/p' "$vm/console.log" | tr -d '\r'
if grep -q SKIPPED "$vm/console.log"; then
  echo "nothing is proved by a test that was skipped" >&2
  exit 1
fi
grep -q "GUEST ENDS with exit code 0" "$vm/console.log"
