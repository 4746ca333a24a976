package words

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestCount(t *testing.T) {
	if got := Count([]string{"a b a", "b c"}); got["a"] != 2 || got["b"] != 2 {
		t.Fatal(got)
	}
}

func TestServer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "hello")
	}))
	defer server.Close()
	for number := 0; number < 5; number++ {
		answer, err := http.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if string(body) != "hello" {
			t.Fatal(string(body))
		}
	}
}

func TestDatagrams(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	client, err := net.Dial("udp", server.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	client.Write([]byte("ping"))
	buffer := make([]byte, 10)
	count, back, err := server.ReadFrom(buffer)
	if err != nil {
		t.Fatal(err)
	}
	server.WriteTo(buffer[:count], back)
	if count, err = client.Read(buffer); err != nil || string(buffer[:count]) != "ping" {
		t.Fatal(err)
	}
}

// A server for every interface and both families, as ":0" means.
func TestEveryAddress(t *testing.T) {
	server, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	port := server.Addr().(*net.TCPAddr).Port
	for _, host := range []string{"127.0.0.1", "[::1]", "localhost"} {
		client, err := net.Dial("tcp", fmt.Sprintf("%s:%d", host, port))
		if err != nil {
			t.Fatal(err)
		}
		client.Close()
	}
}

func TestUnix(t *testing.T) {
	name := filepath.Join(t.TempDir(), "s")
	server, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if _, err := net.Dial("unix", name); err != nil {
		t.Fatal(err)
	}
}

func TestProcess(t *testing.T) {
	if os.Getenv("INNER") != "" {
		fmt.Println("inner")
		os.Exit(0)
	}
	inner := exec.Command(os.Args[0], "-test.run=TestProcess")
	inner.Env = append(os.Environ(), "INNER=1")
	if said, err := inner.Output(); err != nil || string(said) != "inner\n" {
		t.Fatal(err, string(said))
	}
}
