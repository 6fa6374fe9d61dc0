//! Object stores: S3, GCS, Azure. The only file that knows of asynchronous code; everybody else calls and waits.

use std::path::Path as FilePath;
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError};
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, BackoffConfig, Error, GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
    PutPayload, RetryConfig,
};
use pixels::Limits;
use tokio::runtime::Runtime;

use crate::exit::{Exit, Failure, Result};

use super::store::{Existing, Listed, Trouble, exists};

/// Requests in flight for the files of one photo.
const IN_FLIGHT: usize = 8;
/// Parts of a file that is too long for one request.
const PART_BYTES: usize = 16 << 20;
/// How long a request is tried again: an outage that lasts longer ends the run, which then continues where it stopped.
const PATIENCE: Duration = Duration::from_mins(2);

/// A folder in an object store.
#[derive(Clone, Debug)]
pub struct Remote {
    store: Arc<dyn ObjectStore>,
    /// Scheme and bucket, `s3://bucket`.
    bucket: String,
    folder: Path,
    /// Whether the store takes "only if it is not there"; found out at the first write.
    conditional: Arc<Mutex<bool>>,
}

type Outcome<T> = std::result::Result<T, Trouble>;

impl Remote {
    /// Opens an address. Credentials, region and endpoint come from the environment, as the stores' own tools have them
    /// (`AWS_…`, `GOOGLE_…`, `AZURE_…`), or from the machine's role.
    ///
    /// # Errors
    /// A usage error when the address or the configuration is wrong.
    pub fn open(address: &str) -> Result<Self> {
        static TLS: Once = Once::new();
        TLS.call_once(|| {
            // Fails only if somebody was faster, and then there is one.
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let wrong =
            |error: Error| Failure { exit: Exit::Usage, error: anyhow::Error::new(error).context(address.to_owned()) };
        let retry = RetryConfig {
            backoff: BackoffConfig { max_backoff: Duration::from_secs(10), ..BackoffConfig::default() },
            max_retries: 30,
            retry_timeout: PATIENCE,
        };
        let scheme = address.split("://").next().unwrap_or_default();
        let store: Arc<dyn ObjectStore> = match scheme {
            "gs" => {
                let builder = GoogleCloudStorageBuilder::from_env().with_url(address).with_retry(retry);
                Arc::new(builder.build().map_err(wrong)?)
            }
            "s3" | "s3a" => {
                let builder = AmazonS3Builder::from_env().with_url(address).with_retry(retry);
                Arc::new(builder.build().map_err(wrong)?)
            }
            _ => {
                let builder = MicrosoftAzureBuilder::from_env().with_url(address).with_retry(retry);
                Arc::new(builder.build().map_err(wrong)?)
            }
        };
        let (bucket, folder) = parts(address)?;
        Ok(Self { store, bucket, folder, conditional: Arc::new(Mutex::new(true)) })
    }

    /// Whether the address is in the same bucket.
    pub fn is_of(&self, address: &str) -> bool {
        parts(address).is_ok_and(|(bucket, _)| bucket == self.bucket)
    }

    /// Another folder of the same bucket.
    ///
    /// # Errors
    /// A usage error when the address is none.
    pub fn beside(&self, address: &str) -> Result<Self> {
        let (_, folder) = parts(address)?;
        Ok(Self { folder, ..self.clone() })
    }

    fn path(&self, name: &str) -> Outcome<Path> {
        let bad = |error| Trouble::Object(Failure { exit: Exit::Input, error: anyhow::Error::new(error) });
        let name = Path::parse(name).map_err(|error| bad(Error::from(error)))?;
        Ok(self.folder.parts().chain(name.parts()).collect())
    }

    /// A file's bytes, no more than the limit of photos; `None` when there is no such file. With `etag`, other content is
    /// refused.
    ///
    /// # Errors
    /// [`Trouble::Object`] for this file, [`Trouble::Store`] when the store cannot be reached.
    pub fn get(&self, name: &str, etag: Option<&str>) -> Outcome<Option<Vec<u8>>> {
        let path = self.path(name)?;
        let options = GetOptions { if_match: etag.map(str::to_owned), ..GetOptions::default() };
        wait(async {
            let found = match self.store.get_opts(&path, options).await {
                Err(Error::NotFound { .. }) => return Ok(None),
                found => found.map_err(trouble)?,
            };
            let limit = Limits::default().max_bytes;
            if found.meta.size > limit {
                let got_bytes = found.meta.size;
                let error = pixels::Error::TooManyBytes { got_bytes, limit_bytes: limit };
                return Err(Trouble::Object(Failure { exit: Exit::Input, error: error.into() }));
            }
            Ok(Some(found.bytes().await.map_err(trouble)?.to_vec()))
        })?
    }

    /// Writes files, several at a time.
    ///
    /// # Errors
    /// As [`Remote::get`].
    pub fn put_all(&self, files: &[(String, Vec<u8>)], existing: Existing) -> Outcome<()> {
        wait(async {
            for some in files.chunks(IN_FLIGHT) {
                let puts = some.iter().map(|(name, bytes)| self.put(name, bytes, existing));
                for ended in futures_util::future::join_all(puts).await {
                    ended?;
                }
            }
            Ok(())
        })?
    }

    async fn put(&self, name: &str, bytes: &[u8], existing: Existing<'_>) -> Outcome<()> {
        let path = self.path(name)?;
        let payload = || PutPayload::from(bytes.to_vec());
        let options = |mode| PutOptions { mode, attributes: attributes(name), ..PutOptions::default() };
        let overwrite = || self.store.put_opts(&path, payload(), options(PutMode::Overwrite));
        if matches!(existing, Existing::Replace) {
            return overwrite().await.map(drop).map_err(trouble);
        }
        let conditional = *self.conditional.lock().unwrap_or_else(PoisonError::into_inner);
        if conditional {
            match self.store.put_opts(&path, payload(), options(PutMode::Create)).await {
                Ok(_) => return Ok(()),
                Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {}
                Err(Error::NotImplemented { .. } | Error::NotSupported { .. }) => {
                    *self.conditional.lock().unwrap_or_else(PoisonError::into_inner) = false;
                }
                Err(error) => return Err(trouble(error)),
            }
        }
        match self.store.get(&path).await {
            Ok(there) => {
                let there = there.bytes().await.map_err(trouble)?;
                if there == bytes {
                    return Ok(());
                }
                if !existing.may_replace(&there) {
                    return Err(exists(name));
                }
            }
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(trouble(error)),
        }
        overwrite().await.map(drop).map_err(trouble)
    }

    /// Writes a file of any length, in parts if it is long.
    ///
    /// # Errors
    /// As [`Remote::get`].
    pub fn put_file(&self, name: &str, from: &FilePath) -> Outcome<()> {
        use std::io::Read;
        let local = |error: std::io::Error| Trouble::Store(Failure { exit: Exit::Input, error: error.into() });
        let path = self.path(name)?;
        let mut file = std::fs::File::open(from).map_err(local)?;
        let length = file.metadata().map_err(local)?.len();
        if length <= PART_BYTES as u64 {
            let bytes = std::fs::read(from).map_err(local)?;
            return self.put_all(&[(name.to_owned(), bytes)], Existing::Replace);
        }
        wait(async {
            let mut upload = self.store.put_multipart(&path).await.map_err(trouble)?;
            loop {
                let mut part = Vec::with_capacity(PART_BYTES);
                Read::by_ref(&mut file).take(PART_BYTES as u64).read_to_end(&mut part).map_err(local)?;
                if part.is_empty() {
                    break;
                }
                upload.put_part(part.into()).await.map_err(trouble)?;
            }
            upload.complete().await.map(drop).map_err(trouble)
        })?
    }

    /// Files below `prefix`, sorted.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub fn list(&self, prefix: &str) -> Result<Vec<Listed>> {
        use futures_util::TryStreamExt;
        let path = self.path(prefix).map_err(Trouble::into_failure)?;
        let found = wait(async { self.store.list(Some(&path)).try_collect::<Vec<_>>().await.map_err(trouble) });
        let mut found: Vec<Listed> = found
            .and_then(|listed| listed)
            .map_err(Trouble::into_failure)?
            .into_iter()
            .filter_map(|object| {
                let name: Vec<String> =
                    object.location.prefix_match(&self.folder)?.map(|part| part.as_ref().to_owned()).collect();
                Some(Listed { name: name.join("/"), bytes: object.size, etag: object.e_tag })
            })
            .collect();
        // Listing by prefix does not name an object that is the prefix itself.
        if found.is_empty()
            && !prefix.is_empty()
            && let Ok(Ok(object)) = wait(async { self.store.head(&path).await })
        {
            found.push(Listed { name: prefix.to_owned(), bytes: object.size, etag: object.e_tag });
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// Removes files.
    ///
    /// # Errors
    /// When the store refuses.
    pub fn delete(&self, names: &[String]) -> Result<()> {
        for name in names {
            let path = self.path(name).map_err(Trouble::into_failure)?;
            let deleted = wait(async { self.store.delete(&path).await }).map_err(Trouble::into_failure)?;
            match deleted {
                Ok(()) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(trouble(error).into_failure()),
            }
        }
        Ok(())
    }
}

/// What a browser needs to show the file where it lies.
fn attributes(name: &str) -> Attributes {
    let kind = match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("jpg") => "image/jpeg",
        Some("png") => "image/png",
        Some("webp") => "image/webp",
        Some("avif") => "image/avif",
        Some("tif") => "image/tiff",
        Some("json") => "application/json",
        Some("jsonl") => "application/jsonl",
        _ => return Attributes::new(),
    };
    Attributes::from_iter([(Attribute::ContentType, kind)])
}

/// Scheme with bucket, and the folder in it.
fn parts(address: &str) -> Result<(String, Path)> {
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let (bucket, folder) = rest.split_once('/').unwrap_or((rest, ""));
    let folder = Path::parse(folder)
        .map_err(|error| Failure { exit: Exit::Usage, error: anyhow::Error::new(error).context(address.to_owned()) })?;
    Ok((format!("{scheme}://{bucket}"), folder))
}

/// Whom an error concerns. Whatever survived all retries is the store's own trouble, which must not fail photo after photo.
fn trouble(error: Error) -> Trouble {
    match error {
        Error::Precondition { .. } | Error::NotModified { .. } => {
            Trouble::Object(Failure::input("its content changed after the plan was made; plan again"))
        }
        error => Trouble::Store(Failure { exit: Exit::Input, error: error.into() }),
    }
}

/// Runs a request to its end on the one runtime of the process.
fn wait<T>(request: impl Future<Output = T>) -> Outcome<T> {
    static RUNTIME: OnceLock<std::io::Result<Runtime>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        // Two threads move the bytes; the processor belongs to the pictures.
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("network").enable_all().build()
    });
    match runtime {
        Ok(runtime) => Ok(runtime.block_on(request)),
        Err(error) => Err(Trouble::Store(Failure::input(format!("cannot start the network's threads: {error}")))),
    }
}
