// Posts a file to a URL, with a trailer behind it.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	body, err := os.Open(os.Args[2])
	if err != nil {
		panic(err)
	}
	request, err := http.NewRequest("POST", os.Args[1], io.MultiReader(body))
	if err != nil {
		panic(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Trailer = http.Header{"X-Checksum": {"1"}}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	answer, _ := io.ReadAll(response.Body)
	fmt.Println(response.StatusCode, string(answer))
}
