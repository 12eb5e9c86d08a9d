#!/bin/sh
# Builds the Debian packages from release programs: sh installers/deb/build.sh target/release
# They land in target/installers. Needs dpkg-dev (cargo xtask bundle installs it).
set -eu
bin=$(cd "$1" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/installers
out=$root/target/installers
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' "$root/Cargo.toml")
arch=$(dpkg --print-architecture)
maintainer="The Courtier authors <courtier@localhost>"

command -v dpkg-shlibdeps >/dev/null || { echo "dpkg-shlibdeps is missing: apt-get install dpkg-dev" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
rm -f "$out"/*.deb

# put MODE SOURCE TARGET: into the package that is being built
put() { install -D -m "$1" "$2" "$tree/$3"; }

# libraries PROGRAM: the packages that its shared libraries come from
libraries() {
    mkdir -p "$work/debian"
    : >"$work/debian/control"
    (cd "$work" && dpkg-shlibdeps -O --ignore-missing-info "$1" 2>/dev/null) | sed -n 's/^shlibs:Depends=//p'
}

documents() {
    mkdir -p "$tree/usr/share/doc/$1"
    { echo "Courtier may be used under either of these two licences."; echo
      cat "$root/LICENSE-MIT"; echo; cat "$root/LICENSE-APACHE"; } >"$tree/usr/share/doc/$1/copyright"
    gzip -9nc "$root/CHANGELOG.md" >"$tree/usr/share/doc/$1/changelog.gz"
    chmod 644 "$tree/usr/share/doc/$1"/*
}

# control NAME SECTION DEPENDS SUMMARY DESCRIPTION…
control() {
    mkdir -p "$tree/DEBIAN"
    {
        echo "Package: $1"
        echo "Version: $version"
        echo "Architecture: $arch"
        echo "Maintainer: $maintainer"
        echo "Section: $2"
        echo "Priority: optional"
        echo "Installed-Size: $(du -sk "$tree" | cut -f1)"
        echo "Depends: $3"
        echo "Description: $4"
        shift 4
        printf ' %s\n' "$@"
    } >"$tree/DEBIAN/control"
    (cd "$tree" && find usr -type f -exec md5sum {} +) >"$tree/DEBIAN/md5sums"
}

finish() {
    find "$tree" -type d -exec chmod 755 {} +
    dpkg-deb --build --root-owner-group -Zxz "$tree" "$out" >/dev/null
}

tree=$work/courtier-headless
put 755 "$bin/courtierd" usr/bin/courtierd
strip --strip-unneeded "$tree/usr/bin/courtierd"
put 644 "$here/systemd/courtier.service" usr/lib/systemd/system/courtier.service
gzip -9nc "$here/share/courtierd.1" >"$work/courtierd.1.gz"
put 644 "$work/courtierd.1.gz" usr/share/man/man1/courtierd.1.gz
documents courtier-headless
for script in postinst prerm postrm; do put 755 "$here/deb/$script" "DEBIAN/$script"; done
control courtier-headless net "$(libraries "$tree/usr/bin/courtierd"), adduser" \
    "MQTT service for people who are no server specialists (daemon)" \
    "Courtier runs your own MQTT broker: it makes certificates and passwords, lets" \
    "devices in by QR code, shows and records what they say, and tells in plain words" \
    "why one was refused." \
    . \
    "This package holds the daemon, courtierd, with its interface for the browser. Its" \
    "system service is installed but not enabled."
finish

tree=$work/courtier
put 755 "$bin/courtier" usr/bin/courtier
strip --strip-unneeded "$tree/usr/bin/courtier"
put 644 "$here/share/org.courtier.app.desktop" usr/share/applications/org.courtier.app.desktop
put 644 "$here/share/org.courtier.app.metainfo.xml" usr/share/metainfo/org.courtier.app.metainfo.xml
put 644 "$root/assets/icons/courtier.svg" usr/share/icons/hicolor/scalable/apps/org.courtier.app.svg
for size in 32 128; do
    put 644 "$root/src-tauri/icons/${size}x${size}.png" "usr/share/icons/hicolor/${size}x${size}/apps/org.courtier.app.png"
done
documents courtier
control courtier net "courtier-headless (= $version), $(libraries "$tree/usr/bin/courtier")" \
    "MQTT service for people who are no server specialists (window)" \
    "The desktop window of Courtier. It starts the daemon of courtier-headless, or finds" \
    "the one that runs; closing the window leaves the broker running."
finish

sh "$here/deb/check.sh" "$out"
