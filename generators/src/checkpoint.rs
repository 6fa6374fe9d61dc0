//! Strict loading and atomic saving of safetensors files.
//!
//! Shipped weights are `NAME.safetensors` (half precision) beside `NAME.card.json`; training checkpoints are `f32`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use tch::{Kind, Tensor};

use crate::card::Card;
use crate::params::Params;
use crate::{Error, Result};

pub use pixels::sha256_hex;

/// Version of the file layout; a file of another version is refused.
pub const FORMAT: &str = "1";

/// `WEIGHTS/NAME.safetensors`.
pub fn weights_path(weights: &Path, name: &str) -> PathBuf {
    weights.join(format!("{name}.safetensors"))
}

/// `WEIGHTS/NAME.card.json`.
pub fn card_path(weights: &Path, name: &str) -> PathBuf {
    weights.join(format!("{name}.card.json"))
}

/// A file's tensors, widened to `f32`, and its metadata.
///
/// # Errors
/// [`Error::WeightsMissing`], or [`Error::WeightsInvalid`] when the file is damaged, of another format version, or
/// of a model other than `name`.
pub fn load(path: &Path, name: &str) -> Result<(Params, HashMap<String, String>)> {
    parse(&read(path)?, path, name)
}

/// A shipped model: its weights checked against its card.
///
/// # Errors
/// As [`load`]; also when the card is missing or unreadable, or names another checksum.
pub fn load_model(weights: &Path, name: &str) -> Result<(Params, Card)> {
    let path = weights_path(weights, name);
    let bytes = read(&path)?;
    let (params, _metadata) = parse(&bytes, &path, name)?;
    let card = Card::read(&card_path(weights, name), name)?;
    let found = sha256_hex(&bytes);
    if card.sha256 != found {
        return Err(invalid(&path, format!("its card expects sha256 {}, the file has {found}", card.sha256)));
    }
    Ok((params, card))
}

/// As [`load_model`], with the network's size that the card tells under `model`.
///
/// # Errors
/// As [`load_model`]; [`Error::WeightsInvalid`] when the card tells none.
pub fn load_configured<C: serde::de::DeserializeOwned>(weights: &Path, name: &str) -> Result<(Params, C)> {
    let (params, card) = load_model(weights, name)?;
    let model = card.config.get("model").cloned().unwrap_or_default();
    let unreadable = |error| invalid(&weights_path(weights, name), format!("its card: {error}"));
    Ok((params, serde_json::from_value(model).map_err(unreadable)?))
}

/// Writes tensors whole or not at all (temporary file, fsync, rename).
///
/// `kind` is `Kind::Half` for shipped weights and `Kind::Float` for training checkpoints. Returns the file's SHA-256.
///
/// # Errors
/// When a tensor cannot be read or the file cannot be written.
pub fn save(path: &Path, name: &str, params: &Params, kind: Kind, extra: &[(&str, String)]) -> Result<String> {
    let dtype = match kind {
        Kind::Half => Dtype::F16,
        Kind::Float => Dtype::F32,
        other => return Err(Error::Input(format!("checkpoints hold Half or Float tensors, not {other:?}"))),
    };
    let mut buffers = Vec::with_capacity(params.len());
    for (tensor_name, tensor) in params.iter() {
        let flat = tensor.detach().to_kind(kind).contiguous().f_view(-1)?;
        let mut bytes = vec![0; flat.numel() * kind.elt_size_in_bytes()];
        flat.f_copy_data_u8(&mut bytes, flat.numel())?;
        buffers.push((tensor_name, tensor.size().iter().map(|&n| n as usize).collect::<Vec<_>>(), bytes));
    }
    let views: std::result::Result<Vec<_>, _> = buffers
        .iter()
        .map(|(tensor_name, shape, bytes)| {
            TensorView::new(dtype, shape.clone(), bytes).map(|view| (*tensor_name, view))
        })
        .collect();
    let mut metadata: HashMap<String, String> =
        [("format".to_owned(), FORMAT.to_owned()), ("model".to_owned(), name.to_owned())].into();
    metadata.extend(extra.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    let bytes = views
        .and_then(|views| safetensors::serialize(views, Some(metadata)))
        .map_err(|error| invalid(path, error.to_string()))?;
    write_atomic(path, &bytes)?;
    Ok(sha256_hex(&bytes))
}

/// Writes a file whole or not at all, over what was there; makes its folder.
///
/// # Errors
/// [`Error::Io`] or [`Error::Pixels`] with the path.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
    Ok(pixels::write_atomic(path, bytes, true)?)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::WeightsMissing { path: path.to_owned() },
        _ => Error::io(path)(error),
    })
}

fn parse(bytes: &[u8], path: &Path, name: &str) -> Result<(Params, HashMap<String, String>)> {
    let unreadable =
        |error: safetensors::SafeTensorError| invalid(path, format!("not a whole safetensors file: {error}"));
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(unreadable)?;
    let metadata = header.metadata().clone().unwrap_or_default();
    let said = |key: &str| metadata.get(key).map_or("none", String::as_str);
    if said("format") != FORMAT {
        return Err(invalid(path, format!("format version {}, this program reads {FORMAT}", said("format"))));
    }
    if said("model") != name {
        return Err(invalid(path, format!("holds the model `{}`, expected `{name}`", said("model"))));
    }
    let file = SafeTensors::deserialize(bytes).map_err(unreadable)?;
    let mut params = Params::default();
    for (tensor_name, view) in file.iter() {
        let kind = match view.dtype() {
            Dtype::F16 => Kind::Half,
            Dtype::F32 => Kind::Float,
            other => return Err(invalid(path, format!("{tensor_name}: unexpected dtype {other:?}"))),
        };
        let shape: Vec<i64> = view.shape().iter().map(|&n| n as i64).collect();
        let tensor = Tensor::f_from_data_size(view.data(), &shape, kind)?.to_kind(Kind::Float);
        params.insert(tensor_name, tensor);
    }
    Ok((params, metadata))
}

/// An [`Error::WeightsInvalid`].
pub fn invalid(path: &Path, reason: impl Into<String>) -> Error {
    Error::WeightsInvalid { path: path.to_owned(), reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Params {
        let tensor = Tensor::from_slice(&[0.5_f32, -2.0, 3.25, 0.0, 1.0, 8.0]).view([2, 3]);
        [("layer.weight".to_owned(), tensor)].into_iter().collect()
    }

    #[test]
    fn saved_tensors_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.safetensors");
        for kind in [Kind::Half, Kind::Float] {
            save(&path, "m", &sample(), kind, &[("step", "7".to_owned())]).unwrap();
            let (params, metadata) = load(&path, "m").unwrap();
            assert_eq!(metadata["step"], "7");
            assert_eq!(params.get("layer.weight").unwrap(), sample().get("layer.weight").unwrap());
        }
    }

    #[test]
    fn damaged_and_foreign_files_are_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.safetensors");
        assert!(matches!(load(&path, "m"), Err(Error::WeightsMissing { .. })));
        save(&path, "m", &sample(), Kind::Half, &[]).unwrap();
        assert!(load(&path, "other").unwrap_err().to_string().contains("expected `other`"));
        let whole = std::fs::read(&path).unwrap();
        for length in [0, 7, 40, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(matches!(load(&path, "m"), Err(Error::WeightsInvalid { .. })), "{length}");
        }
    }
}
