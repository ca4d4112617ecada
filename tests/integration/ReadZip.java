import java.io.BufferedInputStream;
import java.io.PrintStream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/** Reads a ZIP from standard input as a stream, without its directory; prints size, CRC-32 and name of each entry. */
public class ReadZip {
    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, false, "UTF-8");
        byte[] buffer = new byte[1 << 20];
        try (ZipInputStream zip = new ZipInputStream(new BufferedInputStream(System.in, 1 << 20))) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                CRC32 crc32 = new CRC32();
                long size = 0;
                for (int count = zip.read(buffer); count >= 0; count = zip.read(buffer)) {
                    crc32.update(buffer, 0, count);
                    size += count;
                }
                out.println(size + " " + crc32.getValue() + " " + entry.getName());
            }
        }
        out.flush();
    }
}
