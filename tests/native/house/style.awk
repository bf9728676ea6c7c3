# SPDX-License-Identifier: Apache-2.0
# What clang-format leaves open in the C style: comments, braces, tests of pointers. Takes formatted files, the whole
# list twice: the first pass learns which fields are pointers. Prints FILE:LINE and the offence, and fails where there
# was one. Macros are not looked at, and a pointer is only known where its name is one's everywhere in sight.

function offend(number, what) {
  print FILENAME ":" number ": " what
  wrong++
}

# The line without comments and without what strings hold. Sets commented.
function code_of(line,   out, mark, rest) {
  out = ""
  commented = 0
  if (in_block) {
    commented = 1
    if (!match(line, /\*\//)) return ""
    line = substr(line, RSTART + 2)
    in_block = 0
  }
  while (match(line, /\/\/|\/\*|"([^"\\]|\\.)*"|'([^'\\]|\\.)*'/)) {
    out = out substr(line, 1, RSTART - 1)
    mark = substr(line, RSTART, 2)
    rest = substr(line, RSTART + RLENGTH)
    if (mark == "//") {
      commented = 1
      return out
    }
    if (mark == "/*") {
      commented = 1
      in_block = !match(rest, /\*\//)
      if (!public && (in_block || rest !~ /^ ?[A-Za-z_0-9]+ ?=? ?\*\/ *[^ ]/))
        offend(FNR, "a block comment; write //")
      if (in_block) return out
      rest = substr(rest, RSTART + 2)
    } else {
      out = out "\"\""
    }
    line = rest
  }
  return out line
}

# Where the parenthesis that opens at or before `from` is closed; 0: not on this line. depth carries over lines.
function closing(line, from,   i, c) {
  for (i = from; i <= length(line); i++) {
    c = substr(line, i, 1)
    if (c == "(") depth++
    if (c == ")" && --depth == 0) return i
  }
  return 0
}

function indent_of(line) {
  match(line, /^ */)
  return RLENGTH
}

# What stands behind a condition that ends on this line.
function judge_body(rest) {
  sub(/^ +/, "", rest)
  sub(/ +$/, "", rest)
  if (rest == "{") {
    # May the body stand behind the condition? The next two lines tell.
    if (head_lines == 1 && !chained && !commented) {
      opened = FNR
      opened_text = substr(head, 1, length(head) - 2)
    }
  } else if (rest == "") {
    offend(FNR, "a body on a line of its own has braces")
  } else if (head_lines > 1) {
    offend(FNR, "a body behind a condition of several lines has braces")
  } else if (rest ~ /^(if|for|while|do|switch) / || (rest !~ /;$/ && rest != "{}")) {
    offend(FNR, "a body that is more than one simple statement on one line has braces")
  }
}

function judge_braces(code, raw,   at) {
  if (opened && FNR == opened + 2) {
    if (raw ~ /^ *}$/ && indent_of(raw) == indent_of(opened_text) && length(opened_text) + 1 + length(body) <= 120)
      offend(opened, "a single short statement stands behind its condition, without braces")
    opened = 0
  }
  if (opened && FNR == opened + 1) {
    body = raw
    sub(/^ +/, "", body)
    if (commented || body !~ /;$/ || body ~ /^(if|for|while|do|switch|case|static_assert|_Static_assert)( |\()/)
      opened = 0
  }
  if (depth > 0) {
    head_lines++
    at = closing(code, 1)
    if (at > 0) judge_body(substr(code, at + 1))
  } else if (code ~ /^ *(} else )?if (constexpr )?\(/ || code ~ /^ *(for|while) \(/) {
    head = raw
    head_lines = 1
    chained = code ~ /^ *} else/
    at = closing(code, index(code, "("))
    if (at > 0) judge_body(substr(code, at + 1))
  } else if (code ~ /^ *else( |$)/ || code ~ /^ *} else/ && code !~ /^ *} else [{]$/) {
    offend(FNR, "an if with an else has braces on both")
  } else if (code ~ /^ *do$/) {
    offend(FNR, "a body on a line of its own has braces")
  }
}

# Which names are pointers: in a struct for all files, elsewhere up to the end of the function.
function learn_fields(code,   list, n, i, name) {
  if (code ~ /^(typedef )?(struct|union|class)( |$).*[{]$/) in_struct = 1
  if (code ~ /^}/) in_struct = 0
  # Deeper lines are those of C++ functions.
  if (!in_struct || code !~ /^  [a-z].*;$/) return
  if (code ~ /\(/) {
    if (match(code, /\(\*[a-z_0-9]+\)/)) pointer_field[substr(code, RSTART + 2, RLENGTH - 3)] = 1
    return
  }
  gsub(/ = [^,;]*/, "", code)
  gsub(/;/, "", code)
  n = split(code, list, ",")
  for (i = 1; i <= n; i++) {
    # gcc warns of a test of an array.
    if (list[i] ~ /]$/) continue
    name = list[i]
    sub(/.*[ *]/, "", name)
    if (list[i] ~ /\*/) pointer_field[name] = 1
    else other_field[name] = 1
  }
}

function learn_names(code,   part, word) {
  # "int *a, *b": a name behind a star without a space is a pointer, declared or followed.
  gsub(/, \*/, ", X *", code)
  while (match(code, /[A-Za-z_0-9>] \*+(const |restrict )?[a-z_][A-Za-z_0-9]*/)) {
    part = substr(code, 1, RSTART + RLENGTH - 1)
    code = substr(code, RSTART + RLENGTH)
    word = part
    sub(/ \*[^*]*$/, "", word)
    sub(/.*[^A-Za-z_0-9>]/, "", word)
    sub(/.*[ *]/, "", part)
    if (word !~ /^(return|case|else|sizeof|throw|delete)$/) pointer_name[part] = 1
  }
}

function is_pointer(chain,   name) {
  if (chain !~ /[.>]/) return chain in pointer_name
  name = chain
  sub(/.*[.>]/, "", name)
  return name in pointer_field && !(name in other_field)
}

function judge_pointers(code,   done, chain, rest) {
  learn_names(code)
  if (code ~ /^}/) split("", pointer_name)
  if (FILENAME ~ /\.(cpp|cu)$/ && code ~ /(^|[^A-Za-z_0-9])NULL($|[^A-Za-z_0-9])/) offend(FNR, "C++ says nullptr")
  if (code !~ /!|&&|\|\||if \(|while \(| \?|== 0/) return
  done = ""
  rest = code
  while (match(rest, /[A-Za-z_][A-Za-z_0-9]*((->|\.)[A-Za-z_][A-Za-z_0-9]*)*/)) {
    done = done substr(rest, 1, RSTART - 1)
    chain = substr(rest, RSTART, RLENGTH)
    rest = substr(rest, RSTART + RLENGTH)
    if (is_pointer(chain) && rest !~ /^(\(|\[|->|\.)/) {
      if (done ~ /(^|[^!])!$/ || rest ~ /^ [!=]= 0([^.x0-9]|$)/ && done !~ /[*&]$/ ||
          done ~ /((if|while) \(|&& |\|\| )$/ && rest ~ /^( &&| \|\||[);,])/ ||
          done ~ /for \(.*; $/ && rest ~ /^;/ ||
          done ~ /(\(|[^=!<>]= |return |, |&& |\|\| )$/ && rest ~ /^( &&| \|\|| \?)/)
        offend(FNR, chain " is a pointer: say what it is compared with")
    }
    done = done chain
  }
}

FNR == 1 {
  pass = FILENAME in seen ? 2 : 1
  seen[FILENAME] = 1
  public = FILENAME ~ /^native\/include\// || pass == 1
  in_block = in_directive = in_struct = opened = depth = 0
  split("", pointer_name)
  if (pass == 2) files++
}

{
  if (in_directive || /^ *#/) {
    in_directive = $0 ~ /\\$/
    if (!in_directive && /\/\*/) code_of($0)
    next
  }
  code = code_of($0)
  sub(/ +$/, "", code)
  if (pass == 1) {
    learn_fields(code)
    next
  }
  judge_braces(code, $0)
  judge_pointers(code)
}

END {
  if (files == 0) offend(0, "no files")
  if (wrong > 0) exit 1
  print files " files, all as they should be"
}
