# Keys of one's own: GnuPG with its agent, OpenSSH, OpenSSL.
export GNUPGHOME=$PWD/gnupg
mkdir -m 700 gnupg
gpg --batch --quiet --passphrase '' --quick-generate-key 'A <a@example.org>' ed25519 sign never 2>/dev/null
key=$(gpg --list-keys --with-colons | sed -n 's/^fpr:*\([0-9A-F]*\):/\1/p' | head -n 1)
gpg --batch --quiet --passphrase '' --quick-add-key "$key" cv25519 encr never
echo text >text
gpg --batch --quiet --armor --detach-sign text && gpg --batch --verify text.asc text 2>&1 | grep -o 'Good signature'
gpg --batch --quiet --trust-model always -r a@example.org -e text && gpg --batch --quiet -d text.gpg 2>/dev/null
gpg --batch --quiet --pinentry-mode loopback --passphrase word -c -o sealed text
gpg --batch --quiet --pinentry-mode loopback --passphrase word -d sealed 2>/dev/null
gpg --armor --export a@example.org | gpg --batch --show-keys --with-colons 2>/dev/null | grep -c '^pub'
gpgconf --kill gpg-agent
for kind in ed25519 ecdsa; do ssh-keygen -q -t $kind -N '' -C c -f $kind && ssh-keygen -l -f $kind | cut -d ' ' -f 1,3; done
ssh-keygen -q -t rsa -b 2048 -N word -f rsa && ssh-keygen -q -p -P word -N other -f rsa >/dev/null && ssh-keygen -y -P other -f rsa | cut -d ' ' -f 1
eval "$(ssh-agent -s -a "$PWD/agent")" >/dev/null && ssh-add -q ed25519 && ssh-add -l | wc -l
echo text | ssh-keygen -Y sign -q -f ed25519 -n file >text.sig && ssh-add -q -D && kill "$SSH_AGENT_PID"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=honest -keyout tls.key -out tls.crt 2>/dev/null
openssl verify -CAfile tls.crt tls.crt && openssl dgst -sha256 -sign tls.key -out signed text && openssl x509 -in tls.crt -pubkey -noout >tls.pub
openssl dgst -sha256 -verify tls.pub -signature signed text
