#!/bin/sh
# <<rem:device_id>> · <<rem:group>> · <<rem:site>>
set -eu
cd "$(dirname "$0")"

# <<w:options_why>>
XDG_CONFIG_HOME=$PWD
export XDG_CONFIG_HOME

# <<w:commands_why>>
exec mosquitto_sub -v -q 1 -t '<<sh:command_filter>>'
