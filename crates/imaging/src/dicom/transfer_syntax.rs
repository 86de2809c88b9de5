//! TABLE: the transfer syntaxes: how the data set is written, how pixels are, and why some are refused.

use crate::error::ImagingError;

/// How elements are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encoding {
    pub(crate) explicit_vr: bool,
    pub(crate) big_endian: bool,
}

pub(crate) const IMPLICIT_LITTLE: Encoding = Encoding { explicit_vr: false, big_endian: false };
pub(crate) const EXPLICIT_LITTLE: Encoding = Encoding { explicit_vr: true, big_endian: false };
pub(crate) const EXPLICIT_BIG: Encoding = Encoding { explicit_vr: true, big_endian: true };

/// How `PixelData` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PixelCoding {
    /// As samples, one frame behind the other.
    Native,
    /// As samples, a fragment for each frame.
    EncapsulatedNative,
    /// RLE, PS3.5 annex G.
    Rle,
    /// JPEG with lossy coding: baseline and extended.
    Jpeg,
    /// JPEG process 14.
    JpegLossless,
    /// Refused.
    Refused(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TransferSyntax {
    pub(crate) uid: &'static str,
    pub(crate) name: &'static str,
    pub(crate) encoding: Encoding,
    /// The data set is compressed as a whole.
    pub(crate) deflated: bool,
    pub(crate) pixels: PixelCoding,
}

const NO_J2K: &str = "there is no JPEG 2000 decoder in safe Rust in this build";
const NO_JLS: &str = "there is no JPEG-LS decoder in this build";
const NO_JXL: &str = "there is no JPEG XL decoder in this build";
const VIDEO: &str = "video streams are not decoded; export the cine as multi-frame JPEG";

const fn syntax(uid: &'static str, name: &'static str, pixels: PixelCoding) -> TransferSyntax {
    TransferSyntax { uid, name, encoding: EXPLICIT_LITTLE, deflated: false, pixels }
}

const fn refused(uid: &'static str, name: &'static str, why: &'static str) -> TransferSyntax {
    syntax(uid, name, PixelCoding::Refused(why))
}

/// What a data set without file meta information turned out to be has no UID of its own.
pub(crate) const fn guessed(encoding: Encoding) -> TransferSyntax {
    let name = match (encoding.explicit_vr, encoding.big_endian) {
        (false, _) => "Implicit VR Little Endian, told by the content",
        (true, false) => "Explicit VR Little Endian, told by the content",
        (true, true) => "Explicit VR Big Endian, told by the content",
    };
    TransferSyntax { uid: "", name, encoding, deflated: false, pixels: PixelCoding::Native }
}

/// Source: DICOM PS3.5 section 10 and annex A, PS3.6 annex A.
const TABLE: &[TransferSyntax] = &[
    TransferSyntax {
        encoding: IMPLICIT_LITTLE,
        ..syntax("1.2.840.10008.1.2", "Implicit VR Little Endian", PixelCoding::Native)
    },
    syntax("1.2.840.10008.1.2.1", "Explicit VR Little Endian", PixelCoding::Native),
    syntax(
        "1.2.840.10008.1.2.1.98",
        "Encapsulated Uncompressed Explicit VR Little Endian",
        PixelCoding::EncapsulatedNative,
    ),
    TransferSyntax {
        deflated: true,
        ..syntax("1.2.840.10008.1.2.1.99", "Deflated Explicit VR Little Endian", PixelCoding::Native)
    },
    TransferSyntax {
        encoding: EXPLICIT_BIG,
        ..syntax("1.2.840.10008.1.2.2", "Explicit VR Big Endian", PixelCoding::Native)
    },
    syntax("1.2.840.10008.1.2.4.50", "JPEG Baseline (Process 1)", PixelCoding::Jpeg),
    syntax("1.2.840.10008.1.2.4.51", "JPEG Extended (Process 2 & 4)", PixelCoding::Jpeg),
    syntax("1.2.840.10008.1.2.4.57", "JPEG Lossless (Process 14)", PixelCoding::JpegLossless),
    syntax(
        "1.2.840.10008.1.2.4.70",
        "JPEG Lossless (Process 14, Selection Value 1)",
        PixelCoding::JpegLossless,
    ),
    refused("1.2.840.10008.1.2.4.80", "JPEG-LS Lossless", NO_JLS),
    refused("1.2.840.10008.1.2.4.81", "JPEG-LS Lossy (Near-Lossless)", NO_JLS),
    refused("1.2.840.10008.1.2.4.90", "JPEG 2000 (Lossless Only)", NO_J2K),
    refused("1.2.840.10008.1.2.4.91", "JPEG 2000", NO_J2K),
    refused("1.2.840.10008.1.2.4.92", "JPEG 2000 Part 2 Multi-component (Lossless Only)", NO_J2K),
    refused("1.2.840.10008.1.2.4.93", "JPEG 2000 Part 2 Multi-component", NO_J2K),
    refused("1.2.840.10008.1.2.4.94", "JPIP Referenced", "its pixels lie on a network"),
    refused("1.2.840.10008.1.2.4.95", "JPIP Referenced Deflate", "its pixels lie on a network"),
    refused("1.2.840.10008.1.2.4.100", "MPEG2 Main Profile / Main Level", VIDEO),
    refused("1.2.840.10008.1.2.4.100.1", "Fragmentable MPEG2 Main Profile / Main Level", VIDEO),
    refused("1.2.840.10008.1.2.4.101", "MPEG2 Main Profile / High Level", VIDEO),
    refused("1.2.840.10008.1.2.4.101.1", "Fragmentable MPEG2 Main Profile / High Level", VIDEO),
    refused("1.2.840.10008.1.2.4.102", "MPEG-4 AVC/H.264 High Profile / Level 4.1", VIDEO),
    refused("1.2.840.10008.1.2.4.102.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.1", VIDEO),
    refused("1.2.840.10008.1.2.4.103", "MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1", VIDEO),
    refused(
        "1.2.840.10008.1.2.4.103.1",
        "Fragmentable MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1",
        VIDEO,
    ),
    refused("1.2.840.10008.1.2.4.104", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video", VIDEO),
    refused("1.2.840.10008.1.2.4.105", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video", VIDEO),
    refused("1.2.840.10008.1.2.4.106", "MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2", VIDEO),
    refused("1.2.840.10008.1.2.4.107", "HEVC/H.265 Main Profile / Level 5.1", VIDEO),
    refused("1.2.840.10008.1.2.4.108", "HEVC/H.265 Main 10 Profile / Level 5.1", VIDEO),
    refused("1.2.840.10008.1.2.4.110", "JPEG XL Lossless", NO_JXL),
    refused("1.2.840.10008.1.2.4.111", "JPEG XL JPEG Recompression", NO_JXL),
    refused("1.2.840.10008.1.2.4.112", "JPEG XL", NO_JXL),
    refused("1.2.840.10008.1.2.4.201", "High-Throughput JPEG 2000 (Lossless Only)", NO_J2K),
    refused("1.2.840.10008.1.2.4.202", "High-Throughput JPEG 2000 with RPCL Options (Lossless Only)", NO_J2K),
    refused("1.2.840.10008.1.2.4.203", "High-Throughput JPEG 2000", NO_J2K),
    syntax("1.2.840.10008.1.2.5", "RLE Lossless", PixelCoding::Rle),
    refused("1.2.840.10008.1.2.8.1", "Deflated Image Frame Compression", "it is not read by this build"),
];

/// The transfer syntax of that UID.
/// Errors: `TransferSyntax` where the table lacks it. A UID is shown only if it looks like one.
pub(crate) fn of(uid: &str) -> Result<&'static TransferSyntax, ImagingError> {
    TABLE.iter().find(|syntax| syntax.uid == uid).ok_or_else(|| {
        let shown = uid.len() <= 64 && uid.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let uid = if shown && !uid.is_empty() { uid.to_owned() } else { "no UID".to_owned() };
        ImagingError::TransferSyntax { name: "unknown", uid, why: "this build does not know it" }
    })
}

impl TransferSyntax {
    /// The refusal of this syntax.
    pub(crate) fn refuse(&self, why: &'static str) -> ImagingError {
        ImagingError::TransferSyntax { name: self.name, uid: self.uid.to_owned(), why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_syntaxes_are_refused_without_showing_other_text() {
        assert_eq!(of("1.2.840.10008.1.2.5").unwrap().name, "RLE Lossless");
        let error = of("1.2.3").unwrap_err().to_string();
        assert_eq!(error, "transfer syntax unknown (1.2.3) is not read: this build does not know it");
        assert!(of("PLANTED^NAME").unwrap_err().to_string().contains("(no UID)"));
    }
}
