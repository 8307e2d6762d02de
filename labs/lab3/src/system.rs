//! What is different on each system: the commands that a hint may name.
//!
//! A hint must work where it is read. The system comes in as a value, so that each system's hints
//! can be looked at on any other.

/// The systems that the lab knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// And everything that is like it.
    Linux,
    /// Apple's.
    MacOs,
    /// Microsoft's, in PowerShell.
    Windows,
}

impl System {
    /// The one that this program was built for.
    #[must_use]
    pub const fn here() -> Self {
        if cfg!(windows) {
            Self::Windows
        } else if cfg!(target_os = "macos") {
            Self::MacOs
        } else {
            Self::Linux
        }
    }

    /// What installs a redis-server, or says which there are.
    #[must_use]
    pub const fn install_redis(self) -> &'static str {
        match self {
            Self::Linux | Self::MacOs => "scripts/install-redis.sh",
            Self::Windows => {
                // Scripts are forbidden there unless one says so.
                "powershell -ExecutionPolicy Bypass -File scripts\\install-redis.ps1"
            }
        }
    }

    /// What installs Celery, or says how.
    #[must_use]
    pub const fn install_celery(self) -> &'static str {
        match self {
            Self::Linux | Self::MacOs => "scripts/celery.sh install",
            Self::Windows => "docs/celery.md says how",
        }
    }

    /// Where Celery is once it was installed, from the project's folder.
    #[must_use]
    pub const fn celery(self) -> &'static str {
        match self {
            Self::Linux | Self::MacOs => "target/celery/bin/celery",
            Self::Windows => "target\\celery\\Scripts\\celery.exe",
        }
    }

    /// The command that names who listens at `port`.
    #[must_use]
    pub fn who_has(self, port: u16) -> String {
        match self {
            Self::Linux => format!("ss -ltnp 'sport = :{port}' names who has it"),
            Self::MacOs => format!("lsof -i :{port} names who has it"),
            Self::Windows => format!("netstat -ano | findstr :{port} names who has it"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Every hint of a system, as one text.
    fn hints(system: System) -> String {
        let port = system.who_has(8000);
        let hints = [system.install_redis(), system.install_celery(), system.celery(), &port];
        hints.join("\n")
    }

    #[test]
    fn windows_is_named_what_windows_has() {
        let hints = hints(System::Windows);
        for foreign in [".sh", "bin/", "lsof", "ss -l", "scripts/"] {
            assert!(!hints.contains(foreign), "{foreign} in\n{hints}");
        }
        assert!(hints.contains("install-redis.ps1") && hints.contains("celery.exe"), "{hints}");
    }

    #[test]
    fn the_others_are_named_what_they_have() {
        for system in [System::Linux, System::MacOs] {
            let hints = hints(system);
            for foreign in [".ps1", ".exe", "\\", "netstat"] {
                assert!(!hints.contains(foreign), "{foreign} in\n{hints}");
            }
        }
        assert!(hints(System::MacOs).contains("lsof") && hints(System::Linux).contains("ss -ltnp"));
    }

    #[test]
    fn every_file_that_a_hint_names_exists() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for system in [System::Linux, System::MacOs, System::Windows] {
            for hint in [system.install_redis(), system.install_celery()] {
                let file = hint.split(' ').find(|word| word.contains(['/', '\\'])).unwrap();
                assert!(root.join(file.replace('\\', "/")).exists(), "{system:?}: {file}");
            }
        }
    }
}
