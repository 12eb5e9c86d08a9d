//! Which Debian packages each purpose needs. A flat table.

/// To build any of our programs.
pub const BUILD: &[&str] = &["build-essential", "pkg-config", "ca-certificates"];

/// To build the desktop window.
pub const WINDOW: &[&str] =
    &["file", "libayatana-appindicator3-dev", "librsvg2-dev", "libssl-dev", "libwebkit2gtk-4.1-dev", "libxdo-dev"];

/// To make Debian packages.
pub const BUNDLE: &[&str] = &["dpkg-dev"];

/// To run the tests: foreign clients, browsers, a display without a screen.
pub const TEST: &[&str] = &[
    "chromium",
    "curl",
    "dbus",
    "dbus-x11",
    "faketime",
    "fonts-dejavu-core",
    "iproute2",
    "libegl1",
    "libgl1-mesa-dri",
    "libnss3-tools",
    "libreoffice-calc",
    "mosquitto",
    "mosquitto-clients",
    "nftables",
    "openssl",
    "poppler-utils",
    "python3",
    "python3-venv",
    "shellcheck",
    "webkit2gtk-driver",
    "x11-apps",
    "imagemagick",
    "xauth",
    "xvfb",
    "zbar-tools",
];
