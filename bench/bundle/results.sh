# SPDX-License-Identifier: Apache-2.0
# Sourced by run: the rows of the steps, and the files that are made of them. A row is a file of one line in
# $logs/rows: status|seconds|limit|ended|MHz|watts|what ran|remark.
# shellcheck shell=bash disable=SC2154

readonly MOST_ARCHIVE_MIB=16
version=$(cat "$here/VERSION")
readonly version

# Printable ASCII only: logs hold anything, and a sentence may have been cut inside a character.
plain() { LC_ALL=C tr -c '\n -~' '?'; }

# text KEY TEXT: a member of a JSON object.
text() {
  local escaped=${2//\\/\\\\}
  printf '"%s": "%s"' "$1" "${escaped//\"/\\\"}"
}

now() { TZ=UTC0 printf '%(%FT%TZ)T' -1; }

last_line() { { grep -av '^[[:space:]]*$' "$1" 2>/dev/null || echo "nothing"; } | tail -n 1 | cut -c 1-300 | plain; }

device() { if [[ -s $logs/device ]]; then last_line "$logs/device"; else echo unknown; fi; }

# What the rows of one set of evidence have in common.
what_ran() { printf '%s on %s, RAPT_KERNEL=%s' "$version" "$(device)" "$RAPT_KERNEL" | tr '|' '/' | plain; }

# Columns of what nvidia-smi said once a second: clock, power, temperature. Nothing where it has no number.
median() {
  [[ -s $logs/$1.gpu.csv ]] || return 0
  cut -d , -f "$2" "$logs/$1.gpu.csv" | grep -E '^ *[0-9]+(\.[0-9]+)? *$' | sort -n |
    awk '{value[NR] = $1} END {if (NR) print value[int((NR + 1) / 2)]}'
}

# note STEP STATUS SECONDS LIMIT REMARK
note() {
  local row
  row=$(printf '%s|%s|%s|%s|%s|%s|%s|%s' "$2" "$3" "$4" "$(now)" "$(median "$1" 1)" "$(median "$1" 2)" \
    "$(what_ran)" "$5")
  write "$logs/rows/$1" printf '%s\n' "$row"
}

# write FILE COMMAND...: its output becomes the file all at once, whatever ends this script.
write() {
  "${@:2}" >"$1.new" && mv -f "$1.new" "$1"
}

# read_row STEP: into the variables of its fields; false where the step has never begun.
read_row() {
  [[ -s $logs/rows/$1 ]] &&
    IFS='|' read -r row_status row_seconds row_limit row_ended row_mhz row_watts row_what row_remark <"$logs/rows/$1"
}

# One that a run before this one left behind.
close_rows() {
  local name
  for name in "${steps[@]}"; do
    if read_row "$name" && [[ $row_status == running ]]; then
      write "$logs/rows/$name" printf '%s\n' "cut||$row_limit|$row_ended|||$row_what|it never ended"
    fi
  done
}

summary_json() {
  local name separator=""
  printf '{'
  heading
  printf ', '
  text kernels "$RAPT_KERNEL"
  printf ',\n "steps": ['
  for name in "${steps[@]}"; do
    read_row "$name" || continue
    printf '%s\n  {' "$separator"
    text step "$name"
    printf ', '
    text status "$row_status"
    printf ', "seconds": %s, "limit": %s, ' "${row_seconds:-null}" "$row_limit"
    text at "$row_ended"
    printf ', "clock_mhz": %s, "power_w": %s, ' "${row_mhz:-null}" "${row_watts:-null}"
    text ran "$row_what"
    printf ', '
    text remark "$row_remark"
    printf '}'
    separator=,
  done
  printf '\n ]}\n'
}

# What the files begin with.
heading() {
  text rapt "$version"
  printf ', '
  text device "$(device)"
  printf ', '
  text date "$(now)"
}

summary_text() {
  local name
  printf 'Rapt %s\n\n' "$(what_ran)"
  printf '%-10s %-8s %8s %6s %6s %6s  %s\n' step status seconds limit MHz watts remark
  for name in "${steps[@]}"; do
    if read_row "$name"; then
      printf '%-10s %-8s %8s %6s %6s %6s  %s\n' "$name" "$row_status" "${row_seconds:--}" "$row_limit" "${row_mhz:--}" \
        "${row_watts:--}" "$row_remark"
    fi
  done
  if [[ -s $logs/times.jsonl ]]; then
    echo
    # By shape and type, Rapt first.
    { cat "$logs/times.jsonl" "$logs/peers.jsonl" 2>/dev/null || true; } | awk '
      function field(key, rest) {
        if (!match($0, "\"" key "\": *")) return "-"
        rest = substr($0, RSTART + RLENGTH)
        if (sub(/^"/, "", rest)) sub(/".*/, "", rest); else sub(/[,}].*/, "", rest)
        return rest
      }
      BEGIN {
        split("refused wrong failed", why, " ")
        format = "%-24s %-8s %-15s %10s %10s %9s %9s %9s  %s\n"
        printf format, "shape", "dtype", "who", "ms", "graph ms", "TFLOP/s", "GB/s", "host us", "remark"
      }
      /"shape":/ {
        group = field("shape") " " field("dtype")
        if (!(group in rows)) order[++groups] = group
        remark = ""
        for (i = 1; i <= 3; i++) if (field(why[i]) != "-") remark = why[i] ": " field(why[i])
        rows[group] = rows[group] sprintf(format, field("shape"), field("dtype"), field("who"), field("ms"),
          field("graph_ms"), field("tflop_per_s"), field("gb_per_s"), field("host_us"), substr(remark, 1, 60))
      }
      END {for (i = 1; i <= groups; i++) printf "%s", rows[order[i]]}'
  fi
}

# The record of what ran and passed; nothing where a step of it is missing, or was of another kind.
evidence() {
  local name separator="" capability ran
  ran=$(what_ran)
  for name in harness matrix memcheck racecheck; do
    read_row "$name" && [[ $row_status == passed && $row_what == "$ran" ]] || return 1
  done
  [[ -s $logs/plans.txt && $ran != *emulated* ]] || return 1
  capability=$(sed -n 's/.*compute capability \([0-9]*\)\.\([0-9]*\).*/\1\2/p' <<<"$ran")
  printf '{'
  heading
  printf ', "capability": %s, "plans": [' "${capability:-0}"
  while IFS= read -r name; do
    printf '%s\n  "%s"' "$separator" "$name"
    separator=,
  done < <(sort -u "$logs/plans.txt")
  printf '\n ]}\n'
}

# tar's status 1 says that a log grew meanwhile, which it may.
pack() {
  tar -C "$(dirname "$logs")" --exclude='*.new' "$@" --transform "s|^$(basename "$logs")|results|" -cz \
    "$(basename "$logs")" 2>/dev/null || (($? == 1))
}

# The archive; without the reports of single tests where these make it too large to be carried away.
archive() {
  write "$results/results.tar.gz" pack
  if (($(stat -c %s "$results/results.tar.gz") > MOST_ARCHIVE_MIB << 20)); then
    write "$results/results.tar.gz" pack --exclude='*/matrix'
  fi
}

# Everything in RESULTS, from the rows and logs.
publish() {
  local file
  rm -f "$logs/evidence.json" "$results/evidence.json"
  write "$logs/summary.json" summary_json
  write "$logs/summary.txt" summary_text
  if evidence >"$logs/evidence.new"; then mv -f "$logs/evidence.new" "$logs/evidence.json"; else rm -f "$logs/evidence.new"; fi
  for file in summary.json summary.txt evidence.json times.jsonl peers.jsonl bench.jsonl; do
    if [[ -e $logs/$file ]]; then write "$results/$file" cat "$logs/$file"; fi
  done
  archive
}

# show STEP: its row, for whoever looks on.
show() {
  read_row "$1"
  printf '    %s after %s s%s\n' "$row_status" "$row_seconds" "${row_remark:+: $row_remark}"
}
