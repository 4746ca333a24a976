//! Counts words, in threads.
use std::collections::BTreeMap;

fn count(lines: Vec<String>) -> BTreeMap<String, usize> {
    let mut all = BTreeMap::new();
    let threads: Vec<_> = lines
        .into_iter()
        .map(|line| std::thread::spawn(move || line.split(' ').map(str::to_owned).collect::<Vec<_>>()))
        .collect();
    for thread in threads {
        for word in thread.join().unwrap() {
            *all.entry(word).or_insert(0) += 1;
        }
    }
    all
}

fn main() {
    println!("{:?} {}", count(std::env::args().skip(1).collect()), part::MADE);
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    #[test]
    fn counts() {
        assert_eq!(super::count(vec!["a b a".into(), "b".into()])["a"], 2);
    }

    #[test]
    fn talks() {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let client = std::thread::spawn(move || {
            let mut said = String::new();
            std::net::TcpStream::connect(("localhost", port)).unwrap().read_to_string(&mut said).unwrap();
            said
        });
        server.accept().unwrap().0.write_all(b"hello").unwrap();
        assert_eq!(client.join().unwrap(), "hello");
    }
}
