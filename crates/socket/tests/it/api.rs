//! The public API stands in docs/socket-api.txt, so that a change of it is seen in review. Made out
//! of the source, so any compiler gives the same: everything that is `pub` is public, since the
//! lint `unreachable_pub` refuses what cannot be reached.
//!
//! `SOCKEYE_UPDATE_API=1 cargo test -p sockeye-socket api` writes the file anew.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::{Attribute, Block, Expr, Fields, File, ImplItem, Item, TraitItem, Visibility};

fn crate_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_public_api_is_the_one_that_is_written_down() {
    let mut listed = String::from(
        "# The public API of sockeye-socket, out of its source (tests/it/api.rs).\n\
         # Public modules are named in lib.rs; items of private ones are exported again there.\n",
    );
    module(&crate_root().join("src/lib.rs"), "", &mut listed);
    let path = crate_root().join("../../docs/socket-api.txt");
    if std::env::var_os("SOCKEYE_UPDATE_API").is_some() {
        fs::write(&path, &listed).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let differs = listed.lines().zip(written.lines()).find(|(is, was)| is != was);
    let same = listed == written;
    assert!(same, "docs/socket-api.txt differs, first at {differs:?}: see tests/it/api.rs");
}

/// Appends what is public in the file, then in the modules that it declares.
fn module(file: &Path, name: &str, listed: &mut String) {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{file:?}: {error}"));
    let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{file:?}: {error}"));
    let mut below = Vec::new();
    let items = public(parsed.items, &mut below);
    if !items.is_empty() {
        let shown = prettyplease::unparse(&File { items, ..syn::parse_str("").unwrap() });
        let crate_name = if name.is_empty() { "the crate itself" } else { name };
        write!(listed, "\n## {crate_name}\n\n{shown}").unwrap();
    }
    for child in below {
        let name = if name.is_empty() { child.clone() } else { format!("{name}::{child}") };
        module(&child_file(file, &child), &name, listed);
    }
}

/// `a.rs` or, for the modules of lib.rs and of `mod.rs`, a file beside it.
fn child_file(parent: &Path, child: &str) -> PathBuf {
    let stem = parent.file_stem().unwrap().to_str().unwrap();
    let folder = parent.parent().unwrap();
    let folder = if ["lib", "mod"].contains(&stem) { folder.into() } else { folder.join(stem) };
    let file = folder.join(format!("{child}.rs"));
    if file.exists() { file } else { folder.join(child).join("mod.rs") }
}

/// The public items without bodies and documentation; the modules of other files go to `below`.
fn public(items: Vec<Item>, below: &mut Vec<String>) -> Vec<Item> {
    items.into_iter().filter_map(|item| public_item(item, below)).collect()
}

fn public_item(item: Item, below: &mut Vec<String>) -> Option<Item> {
    match item {
        Item::Mod(mut item) => {
            let of_tests = is_for_tests(&item.attrs);
            match item.content.take() {
                _ if of_tests || item.ident == "sys" => None,
                None => {
                    below.push(item.ident.to_string());
                    is_public(&item.vis).then(|| bare(&mut item.attrs)).map(|()| Item::Mod(item))
                }
                Some((brace, items)) => {
                    let items = public(items, below);
                    bare(&mut item.attrs);
                    let shown = !items.is_empty();
                    item.content = Some((brace, items));
                    shown.then_some(Item::Mod(item))
                }
            }
        }
        Item::Fn(mut item) if is_public(&item.vis) => {
            bare(&mut item.attrs);
            item.block = Box::new(no_body());
            Some(Item::Fn(item))
        }
        Item::Struct(mut item) if is_public(&item.vis) => {
            bare(&mut item.attrs);
            public_fields(&mut item.fields);
            Some(Item::Struct(item))
        }
        Item::Enum(mut item) if is_public(&item.vis) => {
            bare(&mut item.attrs);
            for variant in &mut item.variants {
                bare(&mut variant.attrs);
                variant.fields.iter_mut().for_each(|field| bare(&mut field.attrs));
            }
            Some(Item::Enum(item))
        }
        Item::Trait(mut item) if is_public(&item.vis) => {
            bare(&mut item.attrs);
            item.items.iter_mut().for_each(bare_trait_item);
            Some(Item::Trait(item))
        }
        Item::Const(mut item) if is_public(&item.vis) => {
            bare(&mut item.attrs);
            item.expr = Box::new(elided());
            Some(Item::Const(item))
        }
        Item::Type(mut item) if is_public(&item.vis) => {
            bare(&mut item.attrs);
            Some(Item::Type(item))
        }
        Item::Use(mut item) if is_public(&item.vis) => {
            bare(&mut item.attrs);
            Some(Item::Use(item))
        }
        Item::Impl(item) => public_impl(item).map(Item::Impl),
        // Tables of constants: what is written in them is public.
        Item::Macro(mut item) if item.ident.is_none() && !is_for_tests(&item.attrs) => {
            bare(&mut item.attrs);
            item.mac.tokens = without_docs(item.mac.tokens);
            Some(Item::Macro(item))
        }
        _ => None,
    }
}

fn public_impl(mut item: syn::ItemImpl) -> Option<syn::ItemImpl> {
    if is_for_tests(&item.attrs) {
        return None;
    }
    bare(&mut item.attrs);
    if item.trait_.is_some() {
        // That it is there is what counts.
        item.items.retain(|inner| matches!(inner, ImplItem::Type(_)));
        return Some(item);
    }
    item.items.retain_mut(|inner| match inner {
        ImplItem::Fn(inner) if is_public(&inner.vis) => {
            bare(&mut inner.attrs);
            inner.block = no_body();
            true
        }
        ImplItem::Const(inner) if is_public(&inner.vis) => {
            bare(&mut inner.attrs);
            inner.expr = elided();
            true
        }
        _ => false,
    });
    (!item.items.is_empty()).then_some(item)
}

fn public_fields(fields: &mut Fields) {
    let keep = |field: &syn::Field| is_public(&field.vis);
    match fields {
        Fields::Named(named) => {
            named.named = named.named.clone().into_iter().filter(keep).collect();
        }
        Fields::Unnamed(unnamed) => {
            unnamed.unnamed = unnamed.unnamed.clone().into_iter().filter(keep).collect();
        }
        Fields::Unit => {}
    }
    fields.iter_mut().for_each(|field| bare(&mut field.attrs));
}

fn bare_trait_item(item: &mut TraitItem) {
    match item {
        TraitItem::Fn(item) => {
            bare(&mut item.attrs);
            item.default = item.default.take().map(|_| no_body());
        }
        TraitItem::Const(item) => bare(&mut item.attrs),
        TraitItem::Type(item) => bare(&mut item.attrs),
        _ => {}
    }
}

fn is_public(vis: &Visibility) -> bool {
    matches!(vis, Visibility::Public(_))
}

/// Leaves what a user must know: on which system or with which feature, and whether it may grow.
fn bare(attrs: &mut Vec<Attribute>) {
    attrs.retain(|attr| {
        ["cfg", "non_exhaustive", "must_use", "derive"]
            .iter()
            .any(|name| attr.path().is_ident(name))
    });
}

fn is_for_tests(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| {
        let said = attr.meta.require_list().map(|list| list.tokens.to_string());
        attr.path().is_ident("cfg") && said.is_ok_and(|said| said == "test" || said == "doctest")
    })
}

fn no_body() -> Block {
    syn::parse_str("{}").unwrap()
}

fn elided() -> Expr {
    syn::parse_str("_").unwrap()
}

/// The tokens but for `#[doc = …]`.
fn without_docs(tokens: TokenStream) -> TokenStream {
    let mut kept: Vec<TokenTree> = Vec::new();
    for token in tokens {
        let is_doc = matches!(&token, TokenTree::Group(group)
            if group.stream().to_string().starts_with("doc "));
        if is_doc {
            kept.pop();
        } else {
            kept.push(token);
        }
    }
    kept.into_iter().collect()
}
