#!/bin/sh
# Compiles through ccache so that what one clone compiled is found in another. A precompiled header
# (125 MB) is known by its sum, written once, instead of being read again for each file: with all
# found, a build takes a quarter of the time. Usage: ccache.sh SOURCE-DIRECTORY COMPILER ARGUMENTS…
set -eu
CCACHE_BASEDIR=$1
shift
export CCACHE_BASEDIR CCACHE_NOHASHDIR=1 CCACHE_PCH_EXTSUM=1
export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
for argument; do
  case $argument in
    *.gch)
      rm -f "$argument.sum"  # never one of another header
      ccache "$@"
      sha256sum <"$argument" >"$argument.sum"
      exit
      ;;
  esac
done
exec ccache "$@"
