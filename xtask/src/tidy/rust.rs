//! A parsed Rust file: where its functions lie, which lines are only tests, and its tokens in order.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Block, Item, Meta};

use super::Finding;
use super::files::TextFile;

/// A function: where it starts, and how many lines from its `fn` to its closing brace.
pub(super) struct Function {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) lines: usize,
}

/// A token with the line it stands on. Groups are opened: their brackets are tokens of their own.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) line: usize,
}

pub(super) struct RustFile {
    pub(super) path: String,
    pub(super) is_table: bool,
    /// The whole file is only compiled or run for tests.
    pub(super) is_test: bool,
    pub(super) functions: Vec<Function>,
    pub(super) tokens: Vec<Token>,
    test_lines: Vec<RangeInclusive<usize>>,
    /// Modules declared under `#[cfg(test)]` whose text is another file.
    test_modules: Vec<String>,
}

impl RustFile {
    pub(super) fn parse(file: &TextFile) -> Result<Self, Finding> {
        let fault = |error: syn::Error| {
            let what = format!("cannot be parsed as Rust ({error}); make it compile");
            Finding::new(&file.path, error.span().start().line, what)
        };
        let tree = syn::parse_file(&file.text).map_err(fault)?;
        let stream: TokenStream =
            file.text.parse().map_err(|error: proc_macro2::LexError| fault(error.into()))?;
        let mut tokens = Vec::new();
        flatten(stream, &mut tokens);
        let mut regions = Regions::default();
        regions.visit_file(&tree);
        Ok(RustFile {
            path: file.path.clone(),
            is_table: file.is_table(),
            is_test: lies_among_tests(&file.path) || marks_test(&tree.attrs),
            functions: regions.functions,
            tokens,
            test_lines: regions.test_lines,
            test_modules: regions.test_modules,
        })
    }

    /// The line is only compiled for tests.
    pub(super) fn is_test_line(&self, line: usize) -> bool {
        self.is_test || self.test_lines.iter().any(|range| range.contains(&line))
    }

    /// Lines on which the tokens stand in this order, brackets included.
    pub(super) fn lines_with(&self, pattern: &[&str]) -> Vec<usize> {
        let found = self.tokens.windows(pattern.len());
        let found =
            found.filter(|window| window.iter().zip(pattern).all(|(token, text)| token.text == *text));
        found.map(|window| window[0].line).collect()
    }

    /// The folder in which the file's own modules lie: `a/b` for `a/b.rs` and for `a/b/mod.rs`.
    fn module_folder(&self) -> String {
        let stem = self.path.trim_end_matches(".rs");
        let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
        if matches!(name, "mod" | "lib" | "main") { folder.to_owned() } else { stem.to_owned() }
    }
}

/// Files whose module is declared under `#[cfg(test)]` elsewhere are tests, and so are the modules in them.
pub(super) fn mark_test_files(files: &mut [RustFile]) {
    let mut stems = BTreeSet::new();
    for file in files.iter() {
        let folder = file.module_folder();
        stems.extend(file.test_modules.iter().map(|name| format!("{folder}/{name}")));
    }
    for file in files {
        let folder = file.module_folder();
        file.is_test |= stems.iter().any(|stem| folder == *stem || folder.starts_with(&format!("{stem}/")));
    }
}

/// Folders that hold only tests, benchmarks and fuzz targets.
fn lies_among_tests(path: &str) -> bool {
    let mut parts: Vec<&str> = path.split('/').collect();
    let name = parts.pop();
    name == Some("tests.rs") || parts.iter().any(|part| matches!(*part, "tests" | "benches" | "fuzz"))
}

/// `#[test]`, `#[cfg(test)]`, `#[cfg(all(test, …))]`.
fn marks_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition: String = list.tokens.to_string().split_whitespace().collect();
            condition == "test" || condition.starts_with("all(test,") || condition == "all(test)"
        }
        _ => false,
    })
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        if let TokenTree::Group(group) = tree {
            let (open, close) = match group.delimiter() {
                Delimiter::Parenthesis => ("(", ")"),
                Delimiter::Brace => ("{", "}"),
                Delimiter::Bracket => ("[", "]"),
                Delimiter::None => ("", ""),
            };
            tokens.push(Token { text: open.to_owned(), line });
            flatten(group.stream(), tokens);
            tokens.push(Token { text: close.to_owned(), line: group.span_close().start().line });
        } else {
            tokens.push(Token { text: tree.to_string(), line });
        }
    }
}

/// Walks the items of a file.
#[derive(Default)]
struct Regions {
    functions: Vec<Function>,
    test_lines: Vec<RangeInclusive<usize>>,
    test_modules: Vec<String>,
}

impl Regions {
    fn function(&mut self, signature: &syn::Signature, block: &Block, attributes: &[Attribute]) {
        let start = signature.fn_token.span.start().line;
        let end = block.brace_token.span.close().end().line;
        self.functions.push(Function {
            name: signature.ident.to_string(),
            line: start,
            lines: end + 1 - start,
        });
        self.region(attributes, start, end);
    }

    fn region(&mut self, attributes: &[Attribute], start: usize, end: usize) {
        if marks_test(attributes) {
            self.test_lines.push(start..=end);
        }
    }
}

impl<'ast> Visit<'ast> for Regions {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            Item::Mod(module) => match &module.content {
                Some((brace, _)) => {
                    let (start, end) = (brace.span.open().start().line, brace.span.close().end().line);
                    self.region(&module.attrs, start, end);
                }
                None if marks_test(&module.attrs) => self.test_modules.push(module.ident.to_string()),
                None => {}
            },
            Item::Impl(block) => {
                let span = block.brace_token.span;
                self.region(&block.attrs, span.open().start().line, span.close().end().line);
            }
            Item::Macro(item) => {
                if let Some(last) = item.mac.tokens.clone().into_iter().last() {
                    let start = item.mac.bang_token.span.start().line;
                    self.region(&item.attrs, start, last.span().end().line);
                }
            }
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block, &item.attrs);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block, &item.attrs);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.sig, block, &item.attrs);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

/// Parse an example of a test.
#[cfg(test)]
pub(super) fn example(path: &str, text: &str) -> RustFile {
    RustFile::parse(&TextFile::new(path, text)).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_lines_are_those_of_test_items() {
        let text = "//! x\nfn a() {\n}\n#[cfg(test)]\nmod tests {\n  fn b() {}\n}\n#[test]\nfn c() {\n}\n\
                    #[cfg(all(test, unix))]\nimpl X {\n}\n#[cfg(not(test))]\nfn d() {}\n";
        let file = example("crates/a/src/x.rs", text);
        let lines: Vec<usize> = (1..=16).filter(|line| file.is_test_line(*line)).collect();
        assert_eq!(lines, [5, 6, 7, 9, 10, 12, 13]);
        assert_eq!(file.functions.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    }

    #[test]
    fn files_of_test_modules_are_tests() {
        let mut files = [
            example("crates/a/src/lib.rs", "#[cfg(test)]\nmod proof;\nmod real;"),
            example("crates/a/src/proof.rs", "mod inner;"),
            example("crates/a/src/proof/inner.rs", ""),
            example("crates/a/src/real.rs", ""),
            example("crates/a/src/real/tests.rs", ""),
            example("crates/a/benches/x.rs", ""),
        ];
        mark_test_files(&mut files);
        assert_eq!(
            files.iter().map(|f| f.is_test).collect::<Vec<_>>(),
            [false, true, true, false, true, true]
        );
    }

    #[test]
    fn what_is_not_rust_is_a_finding_with_its_line() {
        let finding = RustFile::parse(&TextFile::new("x.rs", "//! x\nfn (\n")).err().unwrap();
        assert!(finding.to_string().starts_with("x.rs:2: cannot be parsed"), "{finding}");
    }
}
