//! `bedside image preprocess`: the tensor that a model would get.

use anyhow::anyhow;
use bedside_imaging::{Frame, Prepared, Preprocessing};
use bedside_models::ModelsError;
use bedside_weights::Model;
use serde::Serialize;

use super::{mask, open, shown};
use crate::cli::ImagePreprocessArguments;
use crate::exit::{Code, Failure};
use crate::{folder, npy, output};

/// The JSON document `bedside.image-preprocess/1`.
#[derive(Serialize)]
struct Document {
    out: String,
    shape: Vec<usize>,
    masked: bool,
    preprocessing: Preprocessing,
    #[serde(flatten)]
    arrangement: Arrangement,
}

/// What else a model must know of its tensor.
#[derive(Serialize, Default)]
struct Arrangement {
    /// Patches or tiles from top to bottom, from left to right.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cols: Option<usize>,
}

pub(super) fn run(arguments: &ImagePreprocessArguments) -> Result<Code, Failure> {
    let at = |failure: Failure| failure.at(&shown(&arguments.file));
    let model = Model::open(&arguments.like)?;
    let preprocessing =
        bedside_models::preprocessing(&model).map_err(|error| Failure::of_model(&arguments.like, error))?;
    let scan = open(&arguments.file)?;
    let frame = scan.frame(arguments.frame.get() - 1).map_err(|error| at(error.into()))?;
    let masked: Frame;
    let mut pixels = &frame.pixels;
    if !arguments.unmasked {
        let mask = mask(&scan).map_err(at)?;
        masked = mask.apply_to_frame(&frame).map_err(|error| at(error.into()))?;
        pixels = &masked.pixels;
    }
    let prepared =
        preprocessing.apply(pixels).map_err(|error| at(Failure::of_input(ModelsError::from(error))))?;
    let (shape, values, arrangement) = parts(&prepared)?;
    folder::write(&arguments.out, &npy::tensor(&shape, values), arguments.force)?;
    if arguments.json {
        let (out, masked) = (arguments.out.display().to_string(), !arguments.unmasked);
        output::document("image-preprocess", &Document { out, shape, masked, preprocessing, arrangement })?;
    } else {
        let sides: Vec<String> = shape.iter().map(usize::to_string).collect();
        let masked = if arguments.unmasked { "" } else { ", masked" };
        output::print(&format!("{}: f32, {}{masked}\n", shown(&arguments.out), sides.join(" × ")))?;
    }
    Ok(Code::Done)
}

fn parts(prepared: &Prepared) -> Result<(Vec<usize>, &[f32], Arrangement), Failure> {
    let grid = |rows: usize, cols: usize| Arrangement { rows: Some(rows), cols: Some(cols) };
    Ok(match prepared {
        Prepared::Pixels(all) => (all.dims.to_vec(), &all.values, Arrangement::default()),
        Prepared::Patches(all) => (all.dims.to_vec(), &all.values, grid(all.rows, all.cols)),
        Prepared::Tiles(all) => (all.dims.to_vec(), &all.values, grid(all.rows, all.cols)),
        Prepared::Grid(all) => (all.dims.to_vec(), &all.values, grid(all.grid[1], all.grid[2])),
        Prepared::Crops(all) => (all.dims.to_vec(), &all.values, Arrangement::default()),
        // A layout that imaging gained and this command did not.
        _ => {
            return Err(Failure::new(
                Code::Model,
                anyhow!("its layout of pixels cannot be written as one array"),
            ));
        }
    })
}
