#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times PyTorch's attention backends on the shapes of a tab-separated file; one line of JSON each.

peers.py FILE [RUNS]. Exits with 3 and one sentence on stderr where PyTorch or its CUDA is not there.
"""
import json
import statistics
import sys


def give_up(reason):
    print(reason, file=sys.stderr)
    sys.exit(3)


try:
    import torch
    import torch.nn.functional as functional
    from torch.nn.attention import SDPBackend, sdpa_kernel
except ImportError as missing:
    give_up(f"PyTorch 2.5 or newer is not installed for {sys.executable}: {missing}")

BACKENDS = {
    "torch-flash": SDPBackend.FLASH_ATTENTION,
    "torch-cudnn": SDPBackend.CUDNN_ATTENTION,
    "torch-efficient": SDPBackend.EFFICIENT_ATTENTION,
}
WARM_UPS = 3


def shapes(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if not line.startswith("#") and line.strip():
                name, *numbers = line.rstrip("\n").split("\t")
                yield name, [int(number) for number in numbers]


def median_ms(call, runs):
    times = []
    for run in range(-WARM_UPS, runs):
        start = torch.cuda.Event(enable_timing=True)
        end = torch.cuda.Event(enable_timing=True)
        start.record()
        call()
        end.record()
        end.synchronize()
        if run >= 0:
            times.append(start.elapsed_time(end))
    return statistics.median(times)


def measure(name, numbers, dtype, who, backend, runs):
    batch, heads, kv_heads, query_len, kv_len, head_dim, causal = numbers

    def random(head_count, length):
        return torch.randn(batch, head_count, length, head_dim, device="cuda", dtype=dtype)

    query, key, value = random(heads, query_len), random(kv_heads, kv_len), random(kv_heads, kv_len)
    options = {"is_causal": bool(causal), "enable_gqa": heads != kv_heads}
    line = {"shape": name, "who": who, "dtype": "f16" if dtype == torch.float16 else "bf16"}
    try:
        with sdpa_kernel(backend):
            ms = median_ms(lambda: functional.scaled_dot_product_attention(query, key, value, **options), runs)
    except RuntimeError as refused:
        line["refused"] = str(refused).splitlines()[0]
        return line
    flops = 4.0 * batch * heads * query_len * kv_len * head_dim
    if causal and query_len == kv_len:
        flops /= 2
    line["ms"] = round(ms, 5)
    line["tflop_per_s"] = round(flops / ms / 1e9, 2)
    line["gb_per_s"] = round(4.0 * batch * kv_heads * kv_len * head_dim / ms / 1e6, 1)
    return line


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    if not torch.cuda.is_available():
        give_up(f"PyTorch {torch.__version__} sees no CUDA device")
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    print(json.dumps({"who": "torch", "version": torch.__version__, "device": torch.cuda.get_device_name(0)}))
    for name, numbers in shapes(sys.argv[1]):
        for dtype in (torch.bfloat16, torch.float16):
            for who, backend in BACKENDS.items():
                print(json.dumps(measure(name, numbers, dtype, who, backend, runs)), flush=True)


if __name__ == "__main__":
    main()
