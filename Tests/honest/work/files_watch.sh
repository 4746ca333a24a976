# Who waits for files to change: inotifywait, tail -f, and a program that is started by a change.
mkdir watched
inotifywait -q -m -r -e create,modify,moved_to,delete --format '%e %f' watched >said 2>/dev/null &
watcher=$!
sleep 2
echo one >watched/first && mv watched/first watched/second && rm watched/second && mkdir watched/deep
for again in $(seq 1 100); do
  if grep -q deep said; then break; fi
  sleep 0.2
done
kill $watcher
sort -u said
touch log
tail -n +1 -F log >seen 2>/dev/null &
follower=$!
sleep 1
echo a line >>log && mv log log.1 && echo another line >log
for again in $(seq 1 100); do
  if grep -q another seen; then break; fi
  sleep 0.2
done
kill $follower
cat seen
