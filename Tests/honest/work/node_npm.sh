# A project of npm: packages from a mirror (REGISTRY), one with a program of its own, one that makes something when it
# is installed; then the same from the lock file, a build and the tests.
cp -r "$1" npm && cd npm
export npm_config_registry=$2 npm_config_cache=$HOME/cache npm_config_update_notifier=false npm_config_fund=false \
  npm_config_audit=false npm_config_loglevel=error
npm install
ls node_modules
rm -rf node_modules
npm ci
npm run build
npm test >tests.tap || { cat tests.tap; exit 1; }
grep -E '^# (tests|pass|fail)' tests.tap
npm ls
npx --no-install telos-double 5
npm pack --silent
rm -rf node_modules
