//! An S3-compatible server on loopback, and just enough HTTP to look into it from outside.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, Command, Stdio};

/// A server with an empty store, which ends with this.
pub struct Server {
    child: Child,
    /// Its end is the server's end.
    _input: ChildStdin,
    address: String,
}

impl Server {
    /// Starts `scripts/s3-server` with more arguments, which installs itself. `None`, with a message, where that needs network and there is none;
    /// on CI that is an error.
    pub fn start(more: &[&str]) -> Option<Self> {
        let mut child = Command::new("python3")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/s3-server"))
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Some(address) = line.trim().strip_prefix("http://") else {
            let code = child.wait().unwrap().code();
            assert!(code == Some(3) && std::env::var_os("CI").is_none(), "the S3 server did not start: {code:?}");
            eprintln!(
                "skipped: the S3 server cannot be installed without network; run scripts/s3-server --install once"
            );
            return None;
        };
        let (address, input) = (address.to_owned(), child.stdin.take().unwrap());
        Some(Self { child, _input: input, address })
    }

    /// Tells a program where the store is.
    pub fn env<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("AWS_ENDPOINT", format!("http://{}", self.address))
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
    }

    /// A request, again as long as the store is busy: status, head and body.
    fn ask(&self, method: &str, path: &str, body: &[u8]) -> (u16, String, Vec<u8>) {
        let busy = |answer: &(u16, String, Vec<u8>)| answer.0 == 503;
        (0..9).map(|_| self.ask_once(method, path, body)).find(|answer| !busy(answer)).expect("a store that answers")
    }

    fn ask_once(&self, method: &str, path: &str, body: &[u8]) -> (u16, String, Vec<u8>) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = format!(
            "{method} /{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: AWS test:test\r\nContent-Length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_ascii_lowercase(), answer[end + 4..].to_vec())
    }

    /// Makes a bucket, or writes an object `bucket/name`.
    pub fn put(&self, path: &str, body: &[u8]) {
        let (status, head, _) = self.ask("PUT", path, body);
        assert_eq!(status, 200, "{path}: {head}");
    }

    /// An object's head and bytes.
    pub fn get(&self, path: &str) -> (String, Vec<u8>) {
        let (status, head, body) = self.ask("GET", path, b"");
        assert_eq!(status, 200, "{path}: {head}");
        (head, body)
    }

    /// Removes an object.
    pub fn delete(&self, path: &str) {
        let (status, head, _) = self.ask("DELETE", path, b"");
        assert_eq!(status, 204, "{path}: {head}");
    }

    /// Names of all objects of a bucket that begin with `prefix`.
    pub fn list(&self, bucket: &str, prefix: &str) -> Vec<String> {
        let (mut names, mut from) = (Vec::new(), String::new());
        loop {
            let query = format!("{bucket}?list-type=2&prefix={prefix}&start-after={from}");
            let text = String::from_utf8(self.ask("GET", &query, b"").2).unwrap();
            let keys = text.split("<Key>").skip(1).map(|part| part.split("</Key>").next().unwrap().to_owned());
            let before = names.len();
            names.extend(keys);
            if names.len() == before || !text.contains("<IsTruncated>true") {
                return names;
            }
            from.clone_from(names.last().unwrap());
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
