"""pillow.safetensors: small PNG and JPEG files, and what Pillow makes of them: exif_transpose, then convert("RGB").
Entries: <case>.file (bytes of the file), <case>.rgb (height, width, 3), <case>.mode (Pillow's mode, as text).
Needs pillow and numpy; PNG kinds that Pillow does not write are written here. python3 gen_pillow.py"""
import io, json, os, struct, zlib
import numpy as np
import PIL
from PIL import Image, ImageOps

rng = np.random.default_rng(20261123)
out = {}


def rec(name, data):
    im = Image.open(io.BytesIO(data))
    mode = im.mode
    rgb = np.asarray(ImageOps.exif_transpose(im).convert('RGB'))
    out[name + '.file'] = np.frombuffer(data, np.uint8)
    out[name + '.rgb'] = rgb
    out[name + '.mode'] = np.frombuffer(mode.encode(), np.uint8)


def chunk(name, body):
    return struct.pack('>I', len(body)) + name + body + struct.pack('>I', zlib.crc32(name + body))


def png(samples, depth, colour, extra=b'', interlaced=False):
    """samples: (height, width, channels) of integers below 2**depth."""
    h, w, c = samples.shape

    def rows(a):
        raw = b''
        for row in a:
            if depth == 16:
                body = row.astype('>u2').tobytes()
            else:
                bits = ((row.reshape(-1, 1) >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8)
                body = np.packbits(bits).tobytes()
            raw += b'\0' + body
        return raw
    if interlaced:
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
        parts = [samples[y::dy, x::dx] for y, x, dy, dx in passes]
        raw = b''.join(rows(p) for p in parts if p.size)
    else:
        raw = rows(samples)
    header = struct.pack('>IIBBBBB', w, h, depth, colour, 0, 0, int(interlaced))
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + extra + chunk(b'IDAT', zlib.compress(raw, 9))
            + chunk(b'IEND', b''))


def any_samples(depth, channels, w=13, h=7):
    return rng.integers(0, 1 << depth, (h, w, channels), dtype=np.int64)


for depth in (1, 2, 4, 8, 16):
    rec(f'png_grey{depth}', png(any_samples(depth, 1), depth, 0))
rec('png_grey8_trns', png(any_samples(8, 1), 8, 0, chunk(b'tRNS', struct.pack('>H', 77))))
rec('png_grey2_trns', png(any_samples(2, 1), 2, 0, chunk(b'tRNS', struct.pack('>H', 2))))
for depth in (8, 16):
    rec(f'png_greyalpha{depth}', png(any_samples(depth, 2), depth, 4))
    rec(f'png_rgb{depth}', png(any_samples(depth, 3), depth, 2))
    rec(f'png_rgba{depth}', png(any_samples(depth, 4), depth, 6))
rec('png_rgb8_trns', png(any_samples(8, 3), 8, 2, chunk(b'tRNS', struct.pack('>HHH', 1, 2, 3))))
for depth in (1, 2, 4, 8):
    palette = chunk(b'PLTE', rng.integers(0, 256, 3 << depth, dtype=np.uint8).tobytes())
    rec(f'png_palette{depth}', png(any_samples(depth, 1), depth, 3, palette))
    trns = chunk(b'tRNS', rng.integers(0, 256, 1 << depth, dtype=np.uint8).tobytes())
    rec(f'png_palette{depth}_trns', png(any_samples(depth, 1), depth, 3, palette + trns))
rec('png_rgb8_interlaced', png(any_samples(8, 3, 21, 11), 8, 2, interlaced=True))
rec('png_grey4_interlaced', png(any_samples(4, 1, 21, 11), 4, 0, interlaced=True))

# JPEG: smooth colours with hard chroma edges, in a size that fills no whole block.
y, x = np.mgrid[0:29, 0:43]
a = np.stack([127 + 120 * np.sin(x / 9), 127 + 120 * np.cos(y / 7), (x + y) * 3.4], -1).clip(0, 255)
a[8:15, 11:23] = (250, 10, 30)
a[18:24, 5:37] = (10, 60, 240)
im = Image.fromarray(a.astype(np.uint8))


def jpeg(im, **kw):
    f = io.BytesIO()
    im.save(f, 'JPEG', optimize=True, **kw)
    return f.getvalue()


for name, sampling in (('444', 0), ('422', 1), ('420', 2)):
    rec(f'jpeg_{name}', jpeg(im, quality=90, subsampling=sampling))
    rec(f'jpeg_{name}_progressive', jpeg(im, quality=75, subsampling=sampling, progressive=True))
rec('jpeg_420_restart', jpeg(im, quality=90, restart_marker_blocks=2))
rec('jpeg_rgb', jpeg(im, quality=90, keep_rgb=True))
rec('jpeg_grey', jpeg(im.convert('L'), quality=90))
rec('jpeg_grey_progressive', jpeg(im.convert('L'), quality=60, progressive=True))
rec('jpeg_cmyk', jpeg(im.convert('CMYK'), quality=90))
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    rec(f'jpeg_exif{orientation}', jpeg(im.crop((3, 3, 27, 19)).convert('L'), quality=90, exif=exif))

header, data = {'__metadata__': {'pillow': PIL.__version__, 'numpy': np.__version__}}, b''
for name in sorted(out):
    body = np.ascontiguousarray(out[name]).tobytes()
    header[name] = dict(dtype='U8', shape=list(out[name].shape), data_offsets=[len(data), len(data) + len(body)])
    data += body
text = json.dumps(header, separators=(',', ':')).encode()
text += b' ' * (-len(text) % 8)
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'pillow.safetensors')
open(path, 'wb').write(struct.pack('<Q', len(text)) + text + data)
print(len(out) // 3, 'cases', os.path.getsize(path), 'bytes')
