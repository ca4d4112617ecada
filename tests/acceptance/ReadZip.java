import java.io.FileInputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/** Reads an archive as a stream, front to back, and prints each entry's SHA-256 and name. */
public class ReadZip {
    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, true, "UTF-8");
        try (InputStream file = new FileInputStream(arguments[0]); ZipInputStream archive = new ZipInputStream(file)) {
            byte[] buffer = new byte[1 << 16];
            for (ZipEntry entry; (entry = archive.getNextEntry()) != null; ) {
                MessageDigest digest = MessageDigest.getInstance("SHA-256");
                for (int count; (count = archive.read(buffer)) > 0; ) {
                    digest.update(buffer, 0, count);
                }
                out.println(HexFormat.of().formatHex(digest.digest()) + " " + entry.getName());
            }
        }
    }
}
