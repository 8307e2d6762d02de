//! Both addresses that `localhost` means, 127.0.0.1 and ::1, as one place to listen at.
//!
//! A browser tries one and then the other. If another program had one of them, half of the visitors
//! would meet it instead, and nobody would know why; so both are had, or neither. An address that the
//! machine does not have is left out.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// What `localhost` means.
pub const LOCALHOST: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// Those who have connected and are not accepted yet: the usual 128 are soon full, and whoever comes
/// then tries again only after a second.
const BACKLOG: u32 = 1024;

/// One listener, or one for each address.
pub struct Listeners {
    all: Vec<TcpListener>,
    /// Whom to ask first the next time: a crowd at one address keeps nobody out at the other.
    next: AtomicUsize,
}

/// An address that can't be had.
#[derive(Debug, thiserror::Error)]
#[error("{address} {}", words(.source))]
pub struct Taken {
    /// Which one.
    pub address: SocketAddr,
    /// Why.
    pub source: io::Error,
}

impl Listeners {
    /// Listens at `port` of those of `addresses` that this machine has.
    ///
    /// # Errors
    /// [`Taken`]: one of them is in use, or not allowed; or the machine has none of them.
    pub fn bind(addresses: &[IpAddr], port: u16) -> Result<Self, Taken> {
        let mut all: Vec<TcpListener> = Vec::new();
        let mut absent = None;
        for address in addresses {
            // Where the system chose the first port, the second listener has the same.
            let chosen = all.first().and_then(|first| first.local_addr().ok());
            let address = SocketAddr::new(*address, chosen.map_or(port, |first| first.port()));
            match listener(address) {
                Ok(listener) => all.push(listener),
                Err(source) if is_absent(&source) => absent = Some(Taken { address, source }),
                Err(source) => return Err(Taken { address, source }),
            }
        }
        match absent {
            Some(absent) if all.is_empty() => Err(absent),
            _ => Ok(Self { all, next: AtomicUsize::new(0) }),
        }
    }

    pub(crate) async fn accept(&self) -> io::Result<TcpStream> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        poll_fn(|context| {
            for turn in 0..self.all.len() {
                let listener = &self.all[(first.wrapping_add(turn)) % self.all.len()];
                if let Poll::Ready(accepted) = listener.poll_accept(context) {
                    return Poll::Ready(accepted.map(|(stream, _)| stream));
                }
            }
            Poll::Pending
        })
        .await
    }
}

impl From<TcpListener> for Listeners {
    fn from(listener: TcpListener) -> Self {
        Self { all: vec![listener], next: AtomicUsize::new(0) }
    }
}

fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // Elsewhere it would let another program take the port away.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The system has no such address, or not even its family.
fn is_absent(error: &io::Error) -> bool {
    // EAFNOSUPPORT of Linux, of macOS and the BSDs, and of Windows; std has no name for it.
    matches!(error.kind(), ErrorKind::AddrNotAvailable | ErrorKind::Unsupported)
        || matches!(error.raw_os_error(), Some(97 | 47 | 10047))
}

fn words(source: &io::Error) -> String {
    match source.kind() {
        ErrorKind::AddrInUse => "is in use".to_owned(),
        _ => format!("can't be listened at: {source}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: IpAddr = LOCALHOST[0];
    /// For documents only; no machine has it.
    const NOWHERE: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

    #[tokio::test]
    async fn an_address_that_the_machine_does_not_have_is_left_out() {
        for addresses in [[V4, NOWHERE], [NOWHERE, V4]] {
            let listeners = Listeners::bind(&addresses, 0).unwrap();
            assert_eq!(listeners.all.len(), 1);
        }
        let none = Listeners::bind(&[NOWHERE], 8000).map(drop).unwrap_err();
        assert_eq!(none.address, SocketAddr::new(NOWHERE, 8000));
    }

    #[tokio::test]
    async fn of_two_addresses_both_are_had_or_neither() {
        let taken = TcpListener::bind((V4, 0)).await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let refused = Listeners::bind(&LOCALHOST, port).map(drop).unwrap_err();
        assert_eq!(refused.to_string(), format!("127.0.0.1:{port} is in use"));
        drop(taken);
        let had = Listeners::bind(&LOCALHOST, port).unwrap();
        let ports: Vec<_> = had.all.iter().map(|one| one.local_addr().unwrap().port()).collect();
        assert!(ports.iter().all(|one| *one == port), "{ports:?}");
    }
}
