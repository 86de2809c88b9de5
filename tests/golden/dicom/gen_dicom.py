"""Small DICOM files of every kind that is read, and what pydicom, numpy and the standard's formulas make of them;
and digests of what pydicom makes of the samples in the packages pydicom, pydicom-data and deid-data.

Environment: Python 3.11, pydicom 3.0.2, pydicom-data 1.0.0, pylibjpeg 2.1.0, pylibjpeg-libjpeg 2.5.0,
pylibjpeg-rle 2.2.0, pillow 13.0.0, numpy 2.4.6, safetensors 0.8.0. Usage: gen_dicom.py OUTPUT_FOLDER DEID_DATA_ARCHIVE
"""

import hashlib
import io
import json
import logging
import struct
import sys
import tarfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi, pixel_array
from pydicom.sequence import Sequence
from safetensors.numpy import save_file

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED, ENCAPSULATED = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.1.98"
RLE, JPEG, LOSSLESS = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.57"
ROWS, COLUMNS = 10, 12
rng = np.random.default_rng(5)


def base(photometric, bits=8, stored=None, signed=0, frames=None, planar=None):
    ds = Dataset()
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.3.1" if frames else "1.2.840.10008.5.1.4.1.1.6.1"
    ds.SOPInstanceUID = "1.2.826.0.1.3680043.8.498.1"
    ds.Modality = "US"
    ds.PatientName, ds.PatientID = "PLANTED^NAME", "PLANTED-ID"
    ds.InstitutionName, ds.StudyDate = "PLANTED HOSPITAL", "19010203"
    ds.Rows, ds.Columns = ROWS, COLUMNS
    ds.PhotometricInterpretation = photometric
    ds.SamplesPerPixel = 1 if photometric.startswith(("MONO", "PALETTE")) else 3
    if ds.SamplesPerPixel == 3:
        ds.PlanarConfiguration = planar or 0
    if frames:
        ds.NumberOfFrames = frames
    ds.BitsAllocated, ds.BitsStored = bits, stored or bits
    ds.HighBit, ds.PixelRepresentation = ds.BitsStored - 1, signed
    return ds


def write(ds, syntax, vr="OW"):
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    ds["PixelData"].VR = vr
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True, implicit_vr=syntax == IMPLICIT, little_endian=syntax != BIG)
    return out.getvalue()


def native(ds, values, syntax=EXPLICIT, vr="OW"):
    order = ">" if syntax == BIG else "<"
    data = values.astype(f"{order}u{ds.BitsAllocated // 8}").tobytes()
    if syntax == BIG and ds.BitsAllocated == 8 and vr == "OW":
        data = np.frombuffer(data + b"\0" * (len(data) % 2), "<u2").astype(">u2").tobytes()
    ds.PixelData = data + b"\0" * (len(data) % 2)
    return write(ds, syntax, vr)


def encapsulated(ds, frames, syntax, table=True):
    ds.PixelData = encapsulate(frames, has_bot=table)
    ds["PixelData"].is_undefined_length = True
    return write(ds, syntax, "OB")


def packbits(data):
    """Runs where they pay, literals elsewhere, one no-op: PS3.5 annex G."""
    out, at = bytearray([128]), 0
    while at < len(data):
        run = 1
        while run < 128 and at + run < len(data) and data[at + run] == data[at]:
            run += 1
        if run > 1:
            out += bytes([257 - run, data[at]])
            at += run
        else:
            out += bytes([0, data[at]])
            at += 1
    return bytes(out) + b"\0" * (len(out) % 2)


def rle(planes):
    segments = [packbits(plane.tobytes()) for plane in planes]
    offsets, at = [], 64
    for segment in segments:
        offsets.append(at)
        at += len(segment)
    header = [len(segments)] + offsets
    return struct.pack("<16I", *header, *[0] * (16 - len(header))) + b"".join(segments)


def lossless_jpeg(values, precision, selection, point=0, restart_rows=0):
    """Process 14 with one table in which every category has a code of 5 bits: T.81 annex H."""
    values = (values.astype(np.int64) >> point).reshape(ROWS, COLUMNS, -1)
    parts = values.shape[2]
    bits, out, top = [], bytearray(), None

    def flush():
        bits.extend([1] * (-len(bits) % 8))
        for i in range(0, len(bits), 8):
            byte = int("".join(map(str, bits[i : i + 8])), 2)
            out.append(byte)
            if byte == 255:
                out.append(0)
        bits.clear()

    for y in range(ROWS):
        if y == 0 or (restart_rows and y % restart_rows == 0):
            if y:
                flush()
                out.extend([0xFF, 0xD0 + (y // restart_rows - 1) % 8])
            top = y
        for x in range(COLUMNS):
            for c in range(parts):
                near = lambda dy, dx: int(values[y - dy, x - dx, c])
                if y == top:
                    guess = near(0, 1) if x else 1 << (precision - point - 1)
                elif x == 0:
                    guess = near(1, 0)
                else:
                    a, b, d = near(0, 1), near(1, 0), near(1, 1)
                    guess = [0, a, b, d, a + b - d, a + ((b - d) >> 1), b + ((a - d) >> 1), (a + b) >> 1][selection]
                difference = (near(0, 0) - guess) & 0xFFFF
                difference -= (difference > 32768) << 16
                size = abs(difference).bit_length()
                bits.extend(map(int, f"{size:05b}"))
                if 0 < size < 16:
                    bits.extend(map(int, f"{difference if difference > 0 else difference + (1 << size) - 1:0{size}b}"))
    flush()
    segment = lambda code, body: bytes([0xFF, code]) + struct.pack(">H", len(body) + 2) + body
    frame = struct.pack(">BHHB", precision, ROWS, COLUMNS, parts) + b"".join(bytes([c + 1, 0x11, 0]) for c in range(parts))
    table = bytes([0]) + bytes([0] * 4 + [17] + [0] * 11) + bytes(range(17))
    scan = bytes([parts]) + b"".join(bytes([c + 1, 0]) for c in range(parts)) + bytes([selection, 0, point])
    interval = segment(0xDD, struct.pack(">H", restart_rows * COLUMNS)) if restart_rows else b""
    return b"\xff\xd8" + segment(0xC3, frame) + segment(0xC4, table) + interval + segment(0xDA, scan) + bytes(out) + b"\xff\xd9"


def grey(ds, stored):
    """Stored values to what is shown: PS3.3 C.11.1, C.11.2, C.7.5.1.1.2; the whole range where no window is."""
    bits = ds.BitsStored
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if ds.PixelRepresentation else (0, (1 << bits) - 1)
    shared = ds.SharedFunctionalGroupsSequence[0] if "SharedFunctionalGroupsSequence" in ds else Dataset()
    value = shared.get("PixelValueTransformationSequence", [ds])[0]
    frame = ds.PerFrameFunctionalGroupsSequence[0] if "PerFrameFunctionalGroupsSequence" in ds else Dataset()
    value = frame.get("PixelValueTransformationSequence", [value])[0]
    voi = frame.get("FrameVOILUTSequence", shared.get("FrameVOILUTSequence", [ds]))[0]
    x = stored.astype(np.float64)
    if "ModalityLUTSequence" in ds:
        x = apply_modality_lut(stored, ds).astype(np.float64)
        low, high = 0, (1 << ds.ModalityLUTSequence[0].LUTDescriptor[2]) - 1
    elif "RescaleSlope" in value:
        slope, intercept = float(value.RescaleSlope), float(value.RescaleIntercept)
        x, low, high = x * slope + intercept, *sorted((low * slope + intercept, high * slope + intercept))
    first = lambda v: float(v[0]) if isinstance(v, pydicom.multival.MultiValue) else float(v)
    if "VOILUTSequence" in ds:
        y = apply_voi(x.astype(np.int32), ds) / ((1 << ds.VOILUTSequence[0].LUTDescriptor[2]) - 1)
    elif voi.get("WindowCenter") not in (None, ""):
        c, w, function = first(voi.WindowCenter), first(voi.WindowWidth), voi.get("VOILUTFunction") or "LINEAR"
        if function == "LINEAR":
            y = np.where(x <= c - 0.5 - (w - 1) / 2, 0.0, np.where(x > c - 0.5 + (w - 1) / 2, 1.0, (x - c + 0.5) / max(w - 1, 1e-300) + 0.5))
        elif function == "LINEAR_EXACT":
            y = np.clip((x - c) / w + 0.5, 0, 1)
        else:
            y = 1 / (1 + np.exp(-4 * (x - c) / w))
    else:
        y = (x - low) / (high - low)
    shown = np.clip(np.floor(y * 255 + 0.5), 0, 255).astype(np.uint8)
    shown = 255 - shown if ds.PhotometricInterpretation == "MONOCHROME1" else shown
    if "PixelPaddingValue" in ds:
        ends = int(ds.PixelPaddingValue), int(ds.get("PixelPaddingRangeLimit", ds.PixelPaddingValue))
        shown[(stored >= min(ends)) & (stored <= max(ends))] = 0
    return shown


def libjpeg(ds):
    """Frames of lossy JPEG as libjpeg-turbo, which is in Pillow, gives them. What only the file round them says, that
    the components are RGB, is told it."""
    for frame in generate_frames(ds.PixelData, number_of_frames=int(ds.get("NumberOfFrames", 1) or 1)):
        image = Image.open(io.BytesIO(frame))
        names = [layer[0] for layer in image.layer]
        told = "jfif" in image.info or "adobe_transform" in image.info or names in ([82, 71, 66], [114, 103, 98])
        if ds.SamplesPerPixel == 3 and ds.PhotometricInterpretation == "RGB" and not told:
            image.draft("YCbCr", image.size)
        yield np.array(image)


def shown(file):
    """What a file looks like by pydicom: (frames, rows, columns, channels)."""
    ds = pydicom.dcmread(io.BytesIO(file), force=True)
    if "TransferSyntaxUID" not in ds.file_meta:
        ds.file_meta.TransferSyntaxUID = IMPLICIT if ds.original_encoding[0] else EXPLICIT
    lossy = str(ds.file_meta.TransferSyntaxUID) == JPEG
    array = np.stack(list(libjpeg(ds))) if lossy else pixel_array(ds, raw=False)
    if ds.PhotometricInterpretation == "PALETTE COLOR":
        array = apply_color_lut(array, ds)
        array = (array >> 8).astype(np.uint8) if array.dtype != np.uint8 else array
    elif ds.SamplesPerPixel == 1:
        array = grey(ds, array)
    elif array.dtype != np.uint8:
        array = (array >> (ds.BitsStored - 8)).astype(np.uint8)
    channels = 1 if array.ndim == 2 or (ds.SamplesPerPixel == 1 and "PALETTE" not in ds.PhotometricInterpretation) else 3
    return np.ascontiguousarray(array).reshape(-1, ds.Rows, ds.Columns, channels)


def jpeg(mode, size=(COLUMNS, ROWS), **options):
    x, y = np.meshgrid(np.linspace(0, 200, size[0]), np.linspace(0, 200, size[1]))
    bands = [x, y, (x + y) / 2][: 1 if mode == "L" else 3]
    image = Image.fromarray(np.stack(bands, -1).astype(np.uint8).squeeze(), mode)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=95, **options)
    return out.getvalue()


def without_segments(file, codes):
    """The same JPEG without the application segments of those codes."""
    out, at = file[:2], 2
    while file[at + 1] != 0xDA:
        length = struct.unpack(">H", file[at + 2 : at + 4])[0] + 2
        out += b"" if file[at + 1] in codes else file[at : at + length]
        at += length
    return out + file[at:]


def lut(first, entries, bits, data=None):
    item = Dataset()
    item.add_new(0x00283002, "US", [len(entries) & 0xFFFF, first, bits])
    item.add_new(0x00283006, "OW", data or np.asarray(entries, "<u2").tobytes())
    return Sequence([item])


def palette(ds, tables, bits, segmented=False):
    for i, table in enumerate(tables):
        ds.add_new(0x00281101 + i, "US", [256, 0, bits])
        ds.add_new((0x00281221 if segmented else 0x00281201) + i, "OW", table)
    return ds


def region(bounds, units, deltas):
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = 1, 1, 0
    item.RegionLocationMinX0, item.RegionLocationMinY0, item.RegionLocationMaxX1, item.RegionLocationMaxY1 = bounds
    item.PhysicalUnitsXDirection, item.PhysicalUnitsYDirection = units
    item.PhysicalDeltaX, item.PhysicalDeltaY = deltas
    return item


def small_files():
    size = (ROWS, COLUMNS)
    g8, g12 = rng.integers(0, 256, size), rng.integers(0, 4096, size)
    g16, rgb = rng.integers(0, 65536, size), rng.integers(0, 256, (*size, 3))
    with_values = lambda ds, **values: [setattr(ds, key, value) for key, value in values.items()] and ds
    files = {
        "grey8_explicit": native(base("MONOCHROME2"), g8),
        "grey8_implicit": native(base("MONOCHROME2"), g8, IMPLICIT),
        "grey8_big": native(base("MONOCHROME2"), g8, BIG),
        "grey8_big_ob": native(base("MONOCHROME2"), g8, BIG, "OB"),
        "grey8_deflated": native(base("MONOCHROME2"), g8, DEFLATED, "OB"),
        "grey12": native(base("MONOCHROME2", 16, 12), g12),
        "grey12_mono1": native(base("MONOCHROME1", 16, 12), g12, BIG),
        "grey12_high": native(with_values(base("MONOCHROME2", 16, 12), HighBit=15), g12 << 4),
        "grey16_signed": native(base("MONOCHROME2", 16, 16, 1), g16),
        "grey8_cine": native(with_values(base("MONOCHROME2", frames=3), FrameTimeVector=[0, 20, 30]), rng.integers(0, 256, (3, *size))),
        "rgb": native(base("RGB"), rgb, vr="OB"),
        "rgb_planar": native(base("RGB", planar=1), rgb.transpose(2, 0, 1), IMPLICIT),
        "rgb_big": native(base("RGB"), rgb, BIG),
        "rgb16": native(base("RGB", 16), rng.integers(0, 65536, (*size, 3))),
        "ybr_full": native(base("YBR_FULL"), rgb, vr="OB"),
        "ybr_full_422": native(base("YBR_FULL_422"), rng.integers(0, 256, (ROWS, COLUMNS // 2, 4)), vr="OB"),
        "rle8": encapsulated(base("MONOCHROME2"), [rle([(g8 >> 5).astype(np.uint8)])], RLE),
        "rle16": encapsulated(base("MONOCHROME2", 16), [rle([(g16 >> 8).astype(np.uint8), (g16 & 255).astype(np.uint8)])], RLE),
        "rle_rgb": encapsulated(base("RGB", frames=2), [rle([rgb[..., c].astype(np.uint8) for c in order]) for order in ((0, 1, 2), (2, 1, 0))], RLE),
        "encapsulated_native": encapsulated(base("MONOCHROME2", frames=2), [g8.astype(np.uint8).tobytes()] * 2, ENCAPSULATED, False),
    }
    windows = {
        "window": dict(WindowCenter=[1000, 5], WindowWidth=[1500, 5]),
        "window_step": dict(WindowCenter=2048, WindowWidth=1),
        "window_exact": dict(WindowCenter=1000.5, WindowWidth=0.75, VOILUTFunction="LINEAR_EXACT"),
        "window_sigmoid": dict(WindowCenter=2000, WindowWidth=900, VOILUTFunction="SIGMOID"),
        "rescale_window": dict(RescaleSlope=0.5, RescaleIntercept=-700, WindowCenter=40, WindowWidth=400),
        "rescale_negative": dict(RescaleSlope=-1.5, RescaleIntercept=3),
        "padding": dict(PixelPaddingValue=0, PixelPaddingRangeLimit=900),
        "voi_lut": dict(VOILUTSequence=lut(500, np.arange(3000) * 5 % 4096, 12), WindowCenter=1, WindowWidth=1),
        "modality_lut": dict(ModalityLUTSequence=lut(100, np.arange(4000)[::-1] * 16, 16)),
    }
    for name, values in windows.items():
        files[name] = native(with_values(base("MONOCHROME2", 16, 12), **values), g12)
    ramps = [np.arange(256), np.arange(256)[::-1], np.arange(256) * 7 % 256]
    files["palette16"] = native(palette(base("PALETTE COLOR"), [(r * 257).astype("<u2").tobytes() for r in ramps], 16), g8)
    files["palette8"] = native(palette(base("PALETTE COLOR"), [r.astype("u1").tobytes() for r in ramps], 8), g8)
    steps = [[0, 2, 0, 9, 1, 54, 65535, 0, 1, 7, 1, 199, 300], [0, 1, 5, 1, 255, 60000], [0, 1, 60000, 1, 255, 5]]
    files["palette_segmented"] = native(palette(base("PALETTE COLOR"), [np.asarray(s, "<u2").tobytes() for s in steps], 16, True), g8)
    for selection in range(1, 8):
        restart = 4 if selection in (1, 5) else 0
        data = lossless_jpeg(g16 if selection % 2 else g16 % 4096, 16 if selection % 2 else 12, selection, 0, restart)
        files[f"lossless_{selection}"] = encapsulated(base("MONOCHROME2", 16, 16 if selection % 2 else 12), [data], LOSSLESS)
    files["lossless_rgb"] = encapsulated(base("RGB"), [lossless_jpeg(rgb, 8, 4)], LOSSLESS)
    files["lossless_point"] = encapsulated(base("MONOCHROME2"), [lossless_jpeg(g8, 8, 1, 2)], LOSSLESS)
    ycc, plain = jpeg("RGB", subsampling=0), jpeg("RGB", subsampling=0, keep_rgb=True)
    files |= {
        "jpeg_grey": encapsulated(with_values(base("MONOCHROME2"), WindowCenter=128, WindowWidth=100), [jpeg("L")], JPEG),
        "jpeg_ycc_jfif": encapsulated(base("YBR_FULL_422"), [ycc], JPEG),
        "jpeg_ycc_jfif_says_rgb": encapsulated(base("RGB"), [ycc], JPEG),
        "jpeg_ycc_bare": encapsulated(base("YBR_FULL_422"), [without_segments(ycc, {0xE0})], JPEG),
        "jpeg_420": encapsulated(base("YBR_FULL_422"), [without_segments(jpeg("RGB", subsampling=2), {0xE0})], JPEG),
        "jpeg_rgb_adobe": encapsulated(base("RGB"), [plain], JPEG),
        "jpeg_rgb_says_ycc": encapsulated(base("YBR_FULL_422"), [plain], JPEG),
        "jpeg_rgb_bare": encapsulated(base("RGB"), [without_segments(ycc, {0xE0})], JPEG),
        "jpeg_cine": encapsulated(with_values(base("YBR_FULL_422", frames=2), FrameTime="40"), [ycc, ycc], JPEG),
    }
    split = with_values(base("YBR_FULL_422"), CineRate=25)
    split.PixelData = encapsulate([ycc], fragments_per_frame=2)
    split["PixelData"].is_undefined_length = True
    files["jpeg_two_fragments"] = write(split, JPEG, "OB")
    for name, syntax in (("no_meta_explicit", EXPLICIT), ("no_meta_implicit", IMPLICIT)):
        ds = base("MONOCHROME2")
        ds.PixelData = g8.astype(np.uint8).tobytes()
        ds["PixelData"].VR = "OW"
        out = io.BytesIO()
        pydicom.dcmwrite(out, ds, implicit_vr=syntax == IMPLICIT, little_endian=True)
        files[name] = out.getvalue()
    ds = with_values(base("MONOCHROME2", frames=2), Laterality="L", BodyPartExamined="LUNG", PatientOrientation=["L", "F"], CineRate=25, BurnedInAnnotation="YES")
    items = [region((0, 0, COLUMNS, ROWS - 1), (3, 3), (0.05, 0.05)), region((0, 0, 90, 3), (4, 3), (0.01, 0.1))]
    ds.SequenceOfUltrasoundRegions = Sequence(items)
    files["regions"] = native(ds, np.stack([g8, g8.T.reshape(size)]))
    return files


def sample_files(deid):
    """Names and bytes of all files of the three packages; of archives within them the files they hold."""
    import data_store

    roots = {"pydicom-data": Path(data_store.__file__).parent, "pydicom": Path(pydicom.__file__).parent / "data"}
    site = Path(data_store.__file__).parent.parent
    for package, root in roots.items():
        for path in sorted(p for p in root.rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc")):
            yield f"{package}/{path.relative_to(site).as_posix()}", path.read_bytes()
    with tarfile.open(deid) as archive:
        for member in sorted((m for m in archive.getmembers() if m.isfile()), key=lambda m: m.name):
            file = archive.extractfile(member).read()
            if member.name.endswith(".zip"):
                with zipfile.ZipFile(io.BytesIO(file)) as inner:
                    for name in inner.namelist():
                        yield f"deid-data/{member.name}/{name}", inner.read(name)
            else:
                yield f"deid-data/{member.name}", file


def samples(deid):
    """Digests of the shown pixels of every sample that pydicom decodes with 8 or 16 bits; of lossy JPEG, which decoders
    round differently, those of libjpeg-turbo."""
    found = {}
    for name, file in sample_files(deid):
        try:
            ds = pydicom.dcmread(io.BytesIO(file), force=True)
            syntax = str(ds.file_meta.get("TransferSyntaxUID", ""))
            if ds.BitsAllocated not in (8, 16) or syntax.startswith(("1.2.840.10008.1.2.4.8", "1.2.840.10008.1.2.4.9")):
                continue
            if syntax.startswith("1.2.840.10008.1.2.4.51"):
                continue
            array = shown(file)
        except Exception:
            continue
        entry = {"shape": list(array.shape), "sha256": hashlib.sha256(array.tobytes()).hexdigest()}
        found[name] = entry
    # apply_color_lut of pydicom 3.0.2 takes the bytes of these big-endian palettes as little-endian; the files hold the
    # same pictures as those without `_expb`.
    for name in ("OBXXXX1A", "OBXXXX1A_2frame"):
        twin = f"pydicom-data/data_store/data/{name}.dcm"
        found[twin.replace("OBXXXX1A", "OBXXXX1A_expb")] = found[twin]
    return found


def main(folder, deid):
    tensors = {}
    for name, file in small_files().items():
        tensors[f"{name}.file"] = np.frombuffer(file, np.uint8)
        # pydicom does not decode the encapsulated uncompressed syntax and does not look at HighBit; the values of
        # these two files are those of others.
        if name == "encapsulated_native":
            tensors[f"{name}.shown"] = np.repeat(tensors["grey8_explicit.shown"], 2, 0)
        elif name == "lossless_point":
            # T.81 A.4: the bits cut are zeros again; pylibjpeg-libjpeg returns something else.
            tensors[f"{name}.shown"] = tensors["grey8_explicit.shown"] & 0xFC
        elif name == "grey12_high":
            tensors[f"{name}.shown"] = tensors["grey12.shown"].copy()
        else:
            tensors[f"{name}.shown"] = shown(file)
    save_file(tensors, folder / "dicom.safetensors")
    lines = [f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in samples(deid).items()]
    (folder / "samples.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


main(Path(sys.argv[1]), Path(sys.argv[2]))
