// SPDX-License-Identifier: Apache-2.0
#include "loop.h"

#include <algorithm>
#include <map>
#include <set>

namespace {

// Operation codes, the low 12 bits of an instruction, of sm_80 to sm_120.
enum operation : int {
  op_fma = 0x223,
  op_mma = 0x23c,
  op_mufu = 0x308,
  op_ldmatrix = 0x83b,
  op_bsync = 0x941,
  op_bssy = 0x945,
  op_branch = 0x947,
  op_exit = 0x94d,
  op_return = 0x950,
  op_copy = 0xfae
};

int operation_of(const instruction &i) { return static_cast<int>(i.low & 0xfff); }

// f32 multiply-adds may take a constant or an immediate for an operand.
bool is_fma(int operation) { return (operation & 0x1ff) == (op_fma & 0x1ff); }

// Whether every thread takes it: both its predicates are the one that is always true.
bool is_certain(const instruction &i) { return (i.low >> 12 & 0xf) == 7; }
bool is_certain_branch(const instruction &i) { return is_certain(i) && (i.high >> 23 & 0xf) == 7; }

int barrier_of(const instruction &i) { return static_cast<int>(i.low >> 16 & 0xf); }

// The number of the instruction that a branch, or the begin of a barrier's region, at `from` names. Branches of Hopper
// and later have eight bits more, which stand beside the others and are lower.
int target_of(const kernel_code &kernel, int from) {
  const instruction &i = kernel.instructions[static_cast<size_t>(from)];
  uint64_t field = i.low >> 34 | (i.high & 0x3ffff) << 30;
  int64_t words = static_cast<int64_t>(field << 16) >> 16;
  if (kernel.architecture >= 90 && operation_of(i) == op_branch) {
    words = words * 256 + static_cast<int64_t>(i.low >> 16 & 0xff);
  }
  return from + 1 + static_cast<int>(words / 4);
}

// Code ends in a branch to itself: it shows whether branches are read right.
void check_branches(const kernel_code &kernel) {
  for (int n = static_cast<int>(kernel.instructions.size()) - 1; n >= 0; n--) {
    if (operation_of(kernel.instructions[static_cast<size_t>(n)]) != op_branch) continue;
    if (target_of(kernel, n) != n) stop("the branches of " + kernel.symbol + " cannot be read");
    return;
  }
}

struct graph {
  std::vector<std::vector<int>> next;
};

// Where the instruction at `from`, the end of a barrier's region, goes on.
std::vector<int> after_barrier(const kernel_code &kernel, int from, const std::map<int, std::set<int>> &regions) {
  auto found = regions.find(barrier_of(kernel.instructions[static_cast<size_t>(from)]));
  if (found == regions.end() || found->second.count(from + 1) > 0) return {from + 1};
  return std::vector<int>(found->second.begin(), found->second.end());
}

graph graph_of(const kernel_code &kernel) {
  int count = static_cast<int>(kernel.instructions.size());
  std::map<int, std::set<int>> regions;
  for (int n = 0; n < count; n++) {
    const instruction &i = kernel.instructions[static_cast<size_t>(n)];
    if (operation_of(i) == op_bssy) regions[barrier_of(i)].insert(target_of(kernel, n));
  }
  graph g;
  g.next.resize(static_cast<size_t>(count));
  for (int n = 0; n < count; n++) {
    const instruction &i = kernel.instructions[static_cast<size_t>(n)];
    std::vector<int> &next = g.next[static_cast<size_t>(n)];
    int operation = operation_of(i);
    if (operation == op_bsync) {
      next = after_barrier(kernel, n, regions);
    } else {
      bool ends = (operation == op_exit || operation == op_return) && is_certain(i);
      if (operation == op_branch) {
        next.push_back(target_of(kernel, n));
        ends = is_certain_branch(i);
      }
      if (!ends) next.push_back(n + 1);
    }
    next.erase(std::remove_if(next.begin(), next.end(), [&](int to) { return to < 0 || to >= count; }), next.end());
  }
  return g;
}

// The instructions in reverse postorder, and the edges that go back to one which is being visited: ends of loops.
struct order {
  std::vector<int> of;
  std::set<std::pair<int, int>> back;
};

order order_of(const graph &g) {
  order o;
  std::vector<int> state(g.next.size(), 0);
  std::vector<std::pair<int, size_t>> stack = {{0, 0}};
  state[0] = 1;
  while (!stack.empty()) {
    int at = stack.back().first;
    const std::vector<int> &next = g.next[static_cast<size_t>(at)];
    if (stack.back().second == next.size()) {
      state[static_cast<size_t>(at)] = 2;
      o.of.push_back(at);
      stack.pop_back();
      continue;
    }
    int to = next[stack.back().second++];
    int &seen = state[static_cast<size_t>(to)];
    if (seen == 1) o.back.insert({at, to});
    if (seen == 0) {
      seen = 1;
      stack.push_back({to, 0});
    }
  }
  std::reverse(o.of.begin(), o.of.end());
  return o;
}

// All instructions from which an end of the loop can be reached without its head.
std::set<int> body_of(const graph &g, const order &o, int head) {
  std::vector<std::vector<int>> before(g.next.size());
  for (size_t n = 0; n < g.next.size(); n++) {
    for (int to : g.next[n]) before[static_cast<size_t>(to)].push_back(static_cast<int>(n));
  }
  std::set<int> body = {head};
  std::vector<int> left;
  for (auto edge : o.back) {
    if (edge.second == head && body.insert(edge.first).second) left.push_back(edge.first);
  }
  while (!left.empty()) {
    int at = left.back();
    left.pop_back();
    for (int from : before[static_cast<size_t>(at)]) {
      if (body.insert(from).second) left.push_back(from);
    }
  }
  return body;
}

void add(loop_counts *c, const instruction &i) {
  int operation = operation_of(i);
  c->all++;
  c->mma += operation == op_mma;
  c->ldmatrix += operation == op_ldmatrix;
  c->special += operation == op_mufu;
  c->copies += operation == op_copy;
  c->fma += is_fma(operation);
}

// More products first, then more copies, then fewer instructions.
bool is_better(const loop_counts &x, const loop_counts &y) {
  if (x.mma != y.mma) return x.mma > y.mma;
  if (x.mma == 0 && x.fma != y.fma) return x.fma > y.fma;
  if (x.copies != y.copies) return x.copies > y.copies;
  return x.all < y.all;
}

loop_counts best_way(const kernel_code &kernel, const graph &g, const order &o, int head, const std::set<int> &body) {
  std::map<int, loop_counts> ways;
  loop_counts best = {};
  ways[head] = {};
  for (int at : o.of) {
    auto found = ways.find(at);
    if (found == ways.end()) continue;
    loop_counts way = found->second;
    add(&way, kernel.instructions[static_cast<size_t>(at)]);
    for (int to : g.next[static_cast<size_t>(at)]) {
      if (to == head && (best.all == 0 || is_better(way, best))) best = way;
      if (o.back.count({at, to}) > 0 || body.count(to) == 0) continue;
      auto there = ways.find(to);
      if (there == ways.end() || is_better(way, there->second)) ways[to] = way;
    }
  }
  return best;
}

}  // namespace

loop_counts count_loop(const kernel_code &kernel) {
  check_branches(kernel);
  graph g = graph_of(kernel);
  order o = order_of(g);
  std::set<int> heads;
  for (auto edge : o.back) heads.insert(edge.second);
  loop_counts chosen = {};
  for (int head : heads) {
    loop_counts way = best_way(kernel, g, o, head, body_of(g, o, head));
    if ((way.mma > 0) < (chosen.mma > 0) || way.mma + way.fma == 0) continue;
    int products = way.mma > 0 ? way.mma : way.fma, most = way.mma > 0 ? chosen.mma : chosen.fma;
    if (most == 0 || static_cast<int64_t>(products) * chosen.all > static_cast<int64_t>(most) * way.all) chosen = way;
  }
  return chosen;
}
