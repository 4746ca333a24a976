# A module of Go: vetted, tested with servers of its own, built and run.
cp -r "$1" go && cd go
export GOCACHE=${2:-$HOME/cache} GOPATH=$HOME/gopath GOFLAGS=-mod=mod GOPROXY=off GOTOOLCHAIN=local CGO_ENABLED=0
go version
gofmt -l .
go vet ./...
go test -count=1 ./... | sed 's/[0-9.]*s$//'
go build -o work . && ./work 'pears apples pears'
go list ./...
