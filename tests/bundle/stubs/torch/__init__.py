# SPDX-License-Identifier: Apache-2.0
"""As much of PyTorch as peers.py calls, with a clock that calls move on: for the bundle's test, where no GPU is."""
import contextlib
import sys
import types

__version__ = "stub"
CALL_MS = 5.0
clock = 0.0
backend = None


class Type:
    def __init__(self, itemsize):
        self.itemsize = itemsize


bfloat16, float16, float32 = Type(2), Type(2), Type(4)


class Tensor:
    def __init__(self, dtype=None):
        self.dtype = dtype

    def any(self, other):
        return Tensor()

    __getitem__ = __sub__ = __ge__ = __le__ = __lt__ = __and__ = any


def randn(*size, device, dtype, generator=None):
    return Tensor(dtype)


def rand(*size, device, generator):
    return Tensor()


def arange(count, device):
    return Tensor()


def matmul(left, right):
    advance()


def advance():
    global clock
    clock += CALL_MS


class Generator:
    def __init__(self, device):
        self.device = device

    def manual_seed(self, seed):
        return self


class Event:
    def __init__(self, enable_timing):
        self.at = None

    def record(self):
        self.at = clock

    def synchronize(self):
        pass

    def elapsed_time(self, end):
        return end.at - self.at


class Graph:
    def replay(self):
        advance()


@contextlib.contextmanager
def no_grad():
    yield


@contextlib.contextmanager
def capture(graph):
    if backend == "cudnn":
        raise RuntimeError("not in a capture")
    yield


@contextlib.contextmanager
def sdpa_kernel(chosen):
    global backend
    backend = chosen
    yield
    backend = None


def scaled_dot_product_attention(query, key, value, attn_mask=None, is_causal=False, enable_gqa=False):
    if backend == "flash" and (attn_mask is not None or query.dtype is float32):
        raise RuntimeError("No available kernel.\nAborting execution.")
    advance()
    return Tensor(query.dtype)


def module(name, **members):
    made = types.ModuleType(name)
    vars(made).update(members)
    sys.modules[name] = made
    return made


cuda = module(
    "torch.cuda",
    is_available=lambda: True,
    get_device_name=lambda ordinal: "stub",
    mem_get_info=lambda: (1 << 30, 1 << 30),
    synchronize=lambda: None,
    empty_cache=lambda: None,
    Event=Event,
    CUDAGraph=Graph,
    graph=capture,
    OutOfMemoryError=MemoryError,
)
backends = types.SimpleNamespace(FLASH_ATTENTION="flash", CUDNN_ATTENTION="cudnn", EFFICIENT_ATTENTION="efficient")
functional = module("torch.nn.functional", scaled_dot_product_attention=scaled_dot_product_attention)
attention = module("torch.nn.attention", SDPBackend=backends, sdpa_kernel=sdpa_kernel)
module("torch.nn.attention.bias", causal_lower_right=lambda rows, keys: Tensor())
nn = module("torch.nn", functional=functional, attention=attention)
