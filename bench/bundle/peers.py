#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times PyTorch's attention backends on the problems of shapes.tsv; one line of JSON each.

peers.py FILE. Exits with 3 and one sentence where PyTorch or its CUDA is not there. As Rapt's times: many calls between
two events, at least 20 ms of them, the median of five such times; calls take sets of tensors in turn, each with values of
its own, so that keys come from memory. graph_ms is the same through replays of a CUDA graph of the calls, which take the
caller's time out of it; it is absent where a backend cannot be captured. What a backend does not take has a line that
says so.
"""
import csv
import json
import math
import statistics
import sys


def give_up(reason):
    print(reason, file=sys.stderr)
    sys.exit(3)


try:
    import torch
    import torch.nn.functional as functional
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.nn.attention.bias import causal_lower_right
except ImportError as missing:
    give_up(f"PyTorch 2.5 or newer is not installed for {sys.executable}: {missing}")

BACKENDS = {
    "torch-flash": SDPBackend.FLASH_ATTENTION,
    "torch-cudnn": SDPBackend.CUDNN_ATTENTION,
    "torch-efficient": SDPBackend.EFFICIENT_ATTENTION,
}
TYPES = {"bf16": torch.bfloat16, "f16": torch.float16, "f32": torch.float32}
WINDOW_MS = 20
WINDOWS = 5
MOST_CALLS = 20_000
# Keys and values of all sets: twice the largest cache that a GPU has today.
WANTED_BYTES = 256 << 20
MOST_SETS = 128


class Refused(Exception):
    """What a peer does not do, as a sentence."""


def shapes(path):
    with open(path, encoding="utf-8", newline="") as file:
        lines = [line for line in file if line.strip() and not line.startswith("#")]
    return list(csv.DictReader(lines, delimiter="\t"))


class Problem:
    """A row of the file in one storage type, with its tensors."""

    def __init__(self, row, dtype):
        numbers = ("batch", "heads", "kv_heads", "query_len", "kv_len", "head_dim")
        self.batch, self.heads, self.kv_heads, self.query_len, self.kv_len, self.head_dim = (int(row[n]) for n in numbers)
        self.causal = row["causal"] == "1"
        self.window = None if row["window"] == "-" else int(row["window"])
        self.masked = row["mask"] != "-"
        if row["softcap"] != "-":
            raise Refused("scaled_dot_product_attention has no softcap")
        if dtype not in TYPES:
            raise Refused(f"scaled_dot_product_attention does not read {dtype}")
        if self.window is not None and (not self.causal or self.query_len != self.kv_len):
            raise Refused("windows are compared in causal squares only")
        self.dtype = TYPES[dtype]
        self.key_bytes = 2 * self.batch * self.kv_heads * self.kv_len * self.head_dim * self.dtype.itemsize
        self.options = {"enable_gqa": self.heads != self.kv_heads}
        self.choose_mask()
        each = self.key_bytes + 2 * self.batch * self.heads * self.query_len * self.head_dim * self.dtype.itemsize
        affordable = int(torch.cuda.mem_get_info()[0] // 2 // each)
        count = min(math.ceil(WANTED_BYTES / self.key_bytes), affordable, MOST_SETS)
        self.sets = [self.tensors(3 * number) for number in range(max(1, count))]

    def choose_mask(self):
        rows, keys = self.query_len, self.kv_len
        if self.window is not None:
            position = torch.arange(rows, device="cuda")
            behind = position[:, None] - position[None, :]
            self.options["attn_mask"] = (behind >= 0) & (behind <= self.window)
        elif self.masked:
            generator = torch.Generator("cuda").manual_seed(1)
            self.options["attn_mask"] = torch.rand(rows, keys, device="cuda", generator=generator) < 0.5
        elif self.causal and rows != keys:
            # is_causal alone would put query 0 at key 0.
            self.options["attn_mask"] = causal_lower_right(rows, keys)
        else:
            self.options["is_causal"] = self.causal

    def tensors(self, seed):
        def random(heads, length, which):
            generator = torch.Generator("cuda").manual_seed(seed + which)
            size = (self.batch, heads, length, self.head_dim)
            return torch.randn(size, device="cuda", dtype=self.dtype, generator=generator)

        return (
            random(self.heads, self.query_len, 1),
            random(self.kv_heads, self.kv_len, 2),
            random(self.kv_heads, self.kv_len, 3),
        )

    def call(self, number):
        query, key, value = self.sets[number % len(self.sets)]
        return functional.scaled_dot_product_attention(query, key, value, **self.options)

    def flops(self):
        """As Rapt's: of what is visible; half of a causal square, and all of what a mask hides."""
        if self.window is not None:
            pairs = sum(min(row, self.window) + 1 for row in range(self.query_len))
        elif self.causal and self.query_len == self.kv_len:
            pairs = self.query_len * self.kv_len / 2
        elif self.causal:
            pairs = sum(self.kv_len - self.query_len + row + 1 for row in range(self.query_len))
        else:
            pairs = self.query_len * self.kv_len
        return 4.0 * self.batch * self.heads * self.head_dim * pairs


def between_events(work, calls):
    """Milliseconds of one of the calls that work makes."""
    start = torch.cuda.Event(enable_timing=True)
    end = torch.cuda.Event(enable_timing=True)
    start.record()
    work()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / calls


def enough(milliseconds):
    return max(1, min(MOST_CALLS, math.ceil(WINDOW_MS / milliseconds)))


def median_ms(call, sets):
    """The median time of a call, and how many made up each."""

    def window(count):
        def work():
            for number in range(count):
                call(number)

        return between_events(work, count)

    window(min(sets, 3))
    calls = enough(window(1))
    # Launches of a few are slower than those of many.
    calls = enough(window(min(calls, 100)))
    return statistics.median(window(calls) for _ in range(WINDOWS)), calls


def graph_ms(call, sets, milliseconds):
    """The same through replays; None where it cannot be captured."""
    calls = sets * math.ceil(min(enough(milliseconds), 100) / sets)
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph):
            for number in range(calls):
                call(number)
    except RuntimeError:
        torch.cuda.synchronize()
        return None
    one = between_events(graph.replay, calls)
    replays = max(1, math.ceil(WINDOW_MS / (one * calls)))

    def replay():
        for _ in range(replays):
            graph.replay()

    return statistics.median(between_events(replay, calls * replays) for _ in range(WINDOWS))


def measure(problem, backend):
    line = {}
    with torch.no_grad(), sdpa_kernel(backend):
        milliseconds, calls = median_ms(problem.call, len(problem.sets))
        replayed = graph_ms(problem.call, len(problem.sets), milliseconds)
    best = min(milliseconds, replayed or milliseconds)
    line["ms"] = round(milliseconds, 5)
    if replayed:
        line["graph_ms"] = round(replayed, 5)
    line["calls"] = calls
    line["sets"] = len(problem.sets)
    line["tflop_per_s"] = round(problem.flops() / best / 1e9, 2)
    if problem.query_len <= 16:
        line["gb_per_s"] = round(problem.key_bytes / best / 1e6, 1)
    return line


def product():
    """What the GPU reaches in a plain matrix product: the ceiling of everything else."""
    size = 8192
    left, right = (torch.randn(size, size, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    milliseconds, calls = median_ms(lambda number: torch.matmul(left, right), 1)
    return {"ms": round(milliseconds, 5), "calls": calls, "tflop_per_s": round(2.0 * size**3 / milliseconds / 1e9, 2)}


def emit(*parts):
    line = {}
    for part in parts:
        line.update(part)
    print(json.dumps(line), flush=True)


def reason(refused):
    return {"refused": (str(refused).strip().splitlines() or ["no reason"])[0][:200]}


def time_all(row, dtype):
    name = {"shape": row["name"]}
    try:
        problem = Problem(row, dtype)
    except (Refused, torch.cuda.OutOfMemoryError) as refused:
        emit(name, {"who": "torch", "dtype": dtype}, reason(refused))
        return
    for who, backend in BACKENDS.items():
        head = {"who": who, "dtype": dtype}
        try:
            emit(name, head, measure(problem, backend))
        except RuntimeError as refused:
            emit(name, head, reason(refused))


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    if not torch.cuda.is_available():
        give_up(f"PyTorch {torch.__version__} sees no CUDA device")
    rows = shapes(sys.argv[1])
    emit({"who": "torch", "version": torch.__version__, "device": torch.cuda.get_device_name(0)})
    emit({"shape": "product-8192", "who": "torch", "dtype": "bf16"}, product())
    for row in rows:
        for dtype in row["dtypes"].split(","):
            time_all(row, dtype)
            torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
