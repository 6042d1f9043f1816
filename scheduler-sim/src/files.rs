//! Output files: written under another name and renamed when complete, where a name can be given; else written through.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

/// A file that appears under its name only when it is [kept](Self::keep); else nothing of it stays. What is no regular
/// file (a device, a FIFO, standard output by its path) keeps its place and is written straight through.
#[derive(Debug)]
pub struct PendingFile {
    writer: BufWriter<File>,
    path: PathBuf,
    /// The name under which it is written and the one it shall have; `None` if it is written through.
    names: Option<(TempPath, PathBuf)>,
}

impl PendingFile {
    /// Begins a file that shall have that name, in the folder where it shall be. Symbolic links are followed; a file
    /// that is there already hands its permissions on.
    ///
    /// # Errors
    /// If no file can be made there, or the one that is there cannot be written.
    pub fn create(path: &Path) -> io::Result<Self> {
        let pending = |writer, names| Self { writer: BufWriter::new(writer), path: path.to_owned(), names };
        match Target::of(path)? {
            Target::Through => Ok(pending(OpenOptions::new().append(true).open(path)?, None)),
            Target::Name { real, permissions } => {
                let (file, temporary) = temporary_beside(&real)?;
                if let Some(permissions) = permissions {
                    file.set_permissions(permissions)?;
                }
                Ok(pending(file, Some((temporary, real))))
            }
        }
    }

    /// The name that it shall have, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the complete file its name, in the place of any that has it.
    ///
    /// # Errors
    /// If the last of it cannot be written, or it cannot be renamed.
    pub fn keep(self) -> io::Result<()> {
        self.writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        match self.names {
            None => Ok(()),
            Some((temporary, real)) => temporary.persist(real).map_err(|error| error.error),
        }
    }
}

impl Write for PendingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// What stands at a path, as far as writing goes.
enum Target {
    /// Something that must stay where it is.
    Through,
    /// A regular file or nothing, behind all links, and the permissions of what is there.
    Name { real: PathBuf, permissions: Option<fs::Permissions> },
}

impl Target {
    fn of(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Ok(metadata) if metadata.is_file() && !is_descriptor(path) => {
                let real = fs::canonicalize(path)?;
                // A file that its owner protects is not replaced behind the protection's back.
                OpenOptions::new().append(true).open(&real)?;
                Ok(Self::Name { real, permissions: Some(metadata.permissions()) })
            }
            Ok(_) => Ok(Self::Through),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(Self::Name { real: end_of_links(path), permissions: None })
            }
            Err(error) => Err(error),
        }
    }
}

/// Whether the path names an open file of a process, such as `/dev/stdout`: others hold it open too.
fn is_descriptor(path: &Path) -> bool {
    ["/dev/fd", "/dev/stdout", "/dev/stderr", "/proc"].iter().any(|root| path.starts_with(root))
}

/// Where links lead whose end is not there.
fn end_of_links(path: &Path) -> PathBuf {
    /// As many as Linux follows.
    const LINK_LIMIT: usize = 40;
    let mut end = path.to_owned();
    for _ in 0..LINK_LIMIT {
        let Ok(next) = fs::read_link(&end) else { break };
        end = folder_of(&end).join(next);
    }
    end
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A new file in the folder of that path.
fn temporary_beside(path: &Path) -> io::Result<(File, TempPath)> {
    let folder = folder_of(path);
    if !fs::metadata(folder)?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    temporary_in(folder)
}

fn temporary_in(folder: &Path) -> io::Result<(File, TempPath)> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".scheduler-sim-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The system takes away what the user's mask forbids.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    // The error names the temporary file, which means nothing to anybody.
    builder.tempfile_in(folder).map(tempfile::NamedTempFile::into_parts).map_err(|error| error.kind().into())
}

/// Finds out whether a file could be written at that path, and leaves nothing behind.
///
/// # Errors
/// As [`PendingFile::create`]. Whether a FIFO or a device takes what is written, only the writing can tell.
pub fn check_file(path: &Path) -> io::Result<()> {
    match Target::of(path)? {
        Target::Through => Ok(()),
        Target::Name { real, .. } => temporary_beside(&real).map(drop),
    }
}

/// Makes a folder if it is not there, and finds out whether files can be written into it.
///
/// # Errors
/// If they cannot.
pub fn check_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    temporary_in(path).map(drop)
}

/// Whether both paths lead to one regular file.
pub fn is_same_file(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok().filter(|path| path.is_file());
    let (Some(one), Some(other)) = (real(one), real(other)) else { return false };
    one == other || is_same_inode(&one, &other)
}

/// Whether both are names of one file, as hard links are.
#[cfg(unix)]
fn is_same_inode(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |path: &Path| fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()));
    identity(one).is_some_and(|found| Some(found) == identity(other))
}

#[cfg(not(unix))]
fn is_same_inode(_one: &Path, _other: &Path) -> bool {
    false
}

/// Writes a whole file at once.
///
/// # Errors
/// As [`PendingFile::create`] and [`PendingFile::keep`].
pub fn write_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = PendingFile::create(path)?;
    file.write_all(content)?;
    file.keep()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_only_when_it_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("out.txt");
        let mut file = PendingFile::create(&path).expect("a file");
        file.write_all(b"half").expect("written");
        drop(file);
        check_file(&path).expect("it could be written");
        assert_eq!(fs::read_dir(folder.path()).expect("read").count(), 0, "nothing stays");
        write_file(&path, b"whole").expect("written");
        assert_eq!(fs::read(&path).expect("read"), b"whole");
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_links_and_files_keep_their_permissions() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("inner")).expect("a folder");
        fs::write(at("inner/real"), b"old").expect("written");
        fs::set_permissions(at("inner/real"), fs::Permissions::from_mode(0o640)).expect("set");
        symlink("inner/real", at("link")).expect("a link");
        symlink("inner/new", at("dangling")).expect("a link");
        for (link, real) in [("link", "inner/real"), ("dangling", "inner/new")] {
            write_file(&at(link), b"new").expect("written");
            assert!(fs::symlink_metadata(at(link)).expect("it is there").is_symlink(), "{link}");
            assert_eq!(fs::read(at(real)).expect("read"), b"new");
        }
        let mode = fs::metadata(at("inner/real")).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert!(is_same_file(&at("link"), &at("inner/real")) && !is_same_file(&at("link"), &at("inner/new")));
        fs::hard_link(at("inner/real"), at("hard")).expect("a link");
        assert!(is_same_file(&at("link"), &at("hard")));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_device_is_written_and_stays() {
        use std::os::unix::fs::FileTypeExt;
        write_file(Path::new("/dev/null"), b"gone").expect("written");
        let error = write_file(Path::new("/dev/full"), b"too much").expect_err("it is full");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        for path in ["/dev/null", "/dev/full"] {
            assert!(fs::metadata(path).expect("it is there").file_type().is_char_device());
        }
    }

    #[test]
    fn errors_do_not_tell_of_temporary_names() {
        let folder = tempfile::tempdir().expect("a folder");
        for path in [folder.path().to_owned(), folder.path().join("none/out.txt")] {
            let error = check_file(&path).expect_err("no file can be there").to_string();
            assert!(!error.contains("scheduler-sim-"), "{error}");
        }
    }
}
