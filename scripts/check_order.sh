#!/usr/bin/env bash
# The dependency rule of src/ORDER without a build: a folder includes itself and folders above it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../src"

find . -name '*.cpp' -o -name '*.hpp' | sort | xargs grep -Hno '^#include "[^"]*/' | awk '
  FILENAME == "ORDER" { if ($0 !~ /^#/ && NF) rank[$0] = ++count; next }
  # The longest listed folder that a path lies in.
  function folder(path) {
    while (path != "" && !(path in rank)) if (!sub(/\/[^\/]*$/, "", path)) path = ""
    return path
  }
  {
    match($0, /:[0-9]+:/)
    file = substr($0, 3, RSTART - 3)
    line = substr($0, RSTART + 1, RLENGTH - 2)
    included = $0
    sub(/.*"/, "", included)
    sub(/\/$/, "", included)
    from = folder(file); to = folder(included)
    if (file !~ /\//) next  # main.cpp stands above all
    if (from == "") bad[file ": its folder is not listed in src/ORDER"]
    else if (to != "" && rank[to] > rank[from])
      bad[file ":" line ": " from " must not include " to]
  }
  END { for (text in bad) { print "src/" text; failed = 1 } exit failed }
' ORDER -
