// SPDX-License-Identifier: Apache-2.0
#include "cuda/selfcheck/remembered.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr char heading[] = "rapt self-check, format 1\n";
// A whole verdict has much less.
constexpr size_t most_bytes = 256 * 1024;

// FNV-1a (Fowler, Noll and Vo).
std::string hash_of(const std::string &text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (unsigned char c : text) hash = (hash ^ c) * 0x100000001b3u;
  char out[24];
  snprintf(out, sizeof out, "%016" PRIx64, hash);
  return out;
}

std::string hexadecimal(const unsigned char *bytes, size_t count) {
  std::string out;
  char digits[4];
  for (size_t i = 0; i < count; i++) {
    snprintf(digits, sizeof digits, "%02x", bytes[i]);
    out += digits;
  }
  return out;
}

// The linker's note in a file that is loaded (--build-id).
std::string note_of(const char *at, const char *end) {
  while (at + sizeof(ElfW(Nhdr)) <= end) {
    ElfW(Nhdr) note;
    memcpy(&note, at, sizeof note);
    const char *name = at + sizeof note, *bytes = name + (note.n_namesz + 3) / 4 * 4;
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(name, "GNU", 4) == 0) {
      return hexadecimal(reinterpret_cast<const unsigned char *>(bytes), note.n_descsz);
    }
    at = bytes + (note.n_descsz + 3) / 4 * 4;
  }
  return "";
}

int visit(dl_phdr_info *info, size_t, void *out) {
  uintptr_t here = reinterpret_cast<uintptr_t>(&visit);
  bool own = false;
  for (int n = 0; n < info->dlpi_phnum; n++) {
    const ElfW(Phdr) &part = info->dlpi_phdr[n];
    uintptr_t first = info->dlpi_addr + part.p_vaddr;
    own |= part.p_type == PT_LOAD && here >= first && here - first < part.p_memsz;
  }
  // Notes of other libraries need not be in memory.
  std::string id;
  for (int n = 0; own && id.empty() && n < info->dlpi_phnum; n++) {
    const ElfW(Phdr) &part = info->dlpi_phdr[n];
    if (part.p_type != PT_NOTE) continue;
    const char *notes = reinterpret_cast<const char *>(info->dlpi_addr + part.p_vaddr);
    id = note_of(notes, notes + part.p_memsz);
  }
  if (own) *static_cast<std::string *>(out) = id;
  return own;
}

std::string build_id() {
  std::string id;
  dl_iterate_phdr(visit, &id);
  return id;
}

std::string folder() {
  const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  if (cache != nullptr && cache[0] == '/') return std::string(cache) + "/rapt/selfcheck";
  return home != nullptr && home[0] == '/' ? std::string(home) + "/.cache/rapt/selfcheck" : "";
}

// A key holds a serial number and names of libraries; the file's name need not.
std::string file_of(const std::string &key) { return folder() + "/" + hash_of(key); }

void make_folders(const std::string &path) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    mkdir(path.substr(0, slash).c_str(), 0700);
  }
  mkdir(path.c_str(), 0700);
}

std::string read_file(const std::string &path) {
  std::string text;
  int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (file < 0) return text;
  char part[4096];
  for (ssize_t got; text.size() < most_bytes && (got = read(file, part, sizeof part)) > 0;) {
    text.append(part, static_cast<size_t>(got));
  }
  close(file);
  return text;
}

bool write_all(int file, const std::string &text) {
  size_t done = 0;
  while (done < text.size()) {
    ssize_t wrote = write(file, text.data() + done, text.size() - done);
    if (wrote <= 0) return false;
    done += static_cast<size_t>(wrote);
  }
  return true;
}

// One line of printable text.
std::string plain(const std::string &text) {
  std::string out = text;
  for (char &c : out) {
    if (c < ' ' || c > '~') c = ' ';
  }
  return out;
}

// Takes the next line off the text; false where there is none.
bool take_line(std::string *text, std::string *line) {
  size_t end = text->find('\n');
  if (end == std::string::npos) return false;
  *line = text->substr(0, end);
  text->erase(0, end + 1);
  return true;
}

bool read_failure(std::string *text, rapt_cuda_verdict *verdict) {
  std::string numbers, name, reason;
  int family, kernel;
  char rest;
  if (!take_line(text, &numbers) || !take_line(text, &name) || !take_line(text, &reason)) return false;
  if (sscanf(numbers.c_str(), "failed %d %d%c", &family, &kernel, &rest) != 2) return false;
  if (family < 0 || family > RAPT_CUDA_FAMILY_WORDS) return false;
  // Words are bits of 32, kernels of 64.
  if (kernel < 0 || kernel > (family == RAPT_CUDA_FAMILY_WORDS ? 31 : 63)) return false;
  verdict->fail(family, kernel, name, reason);
  return true;
}

std::string render(const std::string &key, const rapt_cuda_verdict &v) {
  char line[96];
  snprintf(line, sizeof line, "checks %d failures %zu complete %d\n", v.checks, v.failures.size(), v.complete);
  std::string text = heading + key + line;
  for (const rapt_cuda_failure &f : v.failures) {
    snprintf(line, sizeof line, "failed %d %d\n", f.family, f.kernel);
    text += line + plain(f.name) + "\n" + plain(f.reason) + "\n";
  }
  return text + hash_of(text) + "\n";
}

}  // namespace

std::string rapt_cuda_key(const driver_description &device, int driver) {
  std::string id = build_id();
  if (id.empty()) return "";
  return "gpu " + plain(device.name) + ", " + hexadecimal(device.uuid, sizeof device.uuid) + ", compute capability " +
         std::to_string(device.capability) + "\ndriver " + std::to_string(driver) + "\nlibrary " + id + "\n";
}

bool rapt_cuda_recall(const std::string &key, rapt_cuda_verdict *out) {
  if (key.empty() || folder().empty()) return false;
  std::string text = read_file(file_of(key)), start = heading + key, line;
  if (text.compare(0, start.size(), start) != 0 || text.size() < start.size() + 17) return false;
  // The last line is of all before it.
  size_t last = text.size() - 17;
  if (text.substr(last) != hash_of(text.substr(0, last)) + "\n") return false;
  text = text.substr(start.size(), last - start.size());
  *out = rapt_cuda_verdict();
  size_t failures;
  int complete;
  if (!take_line(&text, &line) ||
      sscanf(line.c_str(), "checks %d failures %zu complete %d", &out->checks, &failures, &complete) != 3) {
    return false;
  }
  while (out->failures.size() < failures) {
    if (!read_failure(&text, out)) return false;
  }
  out->complete = complete != 0;
  out->remembered = true;
  return text.empty();
}

void rapt_cuda_remember(const std::string &key, const rapt_cuda_verdict &verdict) {
  if (key.empty() || folder().empty()) return;
  std::string path = file_of(key), temporary = path + ".XXXXXX";
  make_folders(folder());
  int file = mkostemp(&temporary[0], O_CLOEXEC);
  if (file < 0) return;
  bool written = write_all(file, render(key, verdict));
  // An error of writing may be told only here.
  if (close(file) != 0 || !written || rename(temporary.c_str(), path.c_str()) != 0) unlink(temporary.c_str());
}
