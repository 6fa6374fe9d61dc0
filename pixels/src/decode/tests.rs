//! Decoding: what each format can hold, and files made to hurt. All bytes are made here.

mod build;
mod colors;
mod hostile;
mod layouts;
mod tiff;
