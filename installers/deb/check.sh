#!/bin/sh
# Looks into the built packages: sh installers/deb/check.sh target/installers
set -eu
out=$1
fail() { echo "check: $*" >&2; exit 1; }

headless=$(ls "$out"/courtier-headless_*.deb)
window=$(ls "$out"/courtier_*.deb)
list() { dpkg-deb -c "$1" >"$work/list"; }
holds() { list "$1"; grep -q " \./$2\$" "$work/list" || fail "$(basename "$1") lacks $2"; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for file in usr/bin/courtierd usr/lib/systemd/system/courtier.service usr/share/man/man1/courtierd.1.gz \
    usr/share/doc/courtier-headless/copyright; do holds "$headless" "$file"; done
for file in usr/bin/courtier usr/share/applications/org.courtier.app.desktop \
    usr/share/icons/hicolor/scalable/apps/org.courtier.app.svg usr/share/doc/courtier/copyright; do holds "$window" "$file"; done

version=$(dpkg-deb -f "$headless" Version)
dpkg-deb -f "$window" Depends | grep -q "courtier-headless (= $version)" || fail "the window must depend on its daemon"
dpkg-deb -f "$headless" Depends | grep -q "libc6" || fail "the daemon's libraries are not named"
dpkg-deb -f "$window" Depends | grep -q "libwebkit2gtk-4.1-0" || fail "the window's libraries are not named"

for package in "$headless" "$window"; do
    list "$package"
    if awk '{print $1}' "$work/list" | grep -E '^-..s|^-.....s'; then fail "$(basename "$package") holds a setuid program"; fi
    if awk '{print $2}' "$work/list" | grep -v '^root/root$'; then fail "$(basename "$package") is not owned by root"; fi
done

tree=$work/tree
dpkg-deb -x "$headless" "$tree"
dpkg-deb -x "$window" "$tree"
"$tree/usr/bin/courtierd" --version | grep -qx "courtierd $version" || fail "courtierd is not version $version"
optional() { if command -v "$1" >/dev/null; then "$@" || fail "$1"; else echo "check: $1 is not installed, skipped"; fi; }
optional desktop-file-validate "$tree/usr/share/applications/org.courtier.app.desktop"
optional appstreamcli validate --no-net "$tree/usr/share/metainfo/org.courtier.app.metainfo.xml"
echo "packages: $(basename "$headless") $(basename "$window")"
