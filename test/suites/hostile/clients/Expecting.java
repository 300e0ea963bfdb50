import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;

/** Posts a file to a URL, and asks with Expect before it sends the body. */
public class Expecting {
  public static void main(String[] arguments) throws Exception {
    HttpRequest request = HttpRequest.newBuilder(URI.create(arguments[0]))
        .version(HttpClient.Version.HTTP_1_1)
        .header("Content-Type", "application/json")
        .expectContinue(true)
        .POST(HttpRequest.BodyPublishers.ofFile(Path.of(arguments[1])))
        .build();
    HttpClient client = HttpClient.newHttpClient();
    for (int n = 0; n < 3; n++) {
      HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
      System.out.println(response.statusCode() + " " + response.body());
    }
  }
}
