// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.report;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Weights as they are read back: as they were, packed within half a step. */
class WeightsJsonTest {
  private static final int LAYERS = 2;
  private static final int HEADS = 3;

  @TempDir private Path folder;

  private static float[][][][] weights(int tokens) {
    Random random = new Random(1);
    float[][][][] weights = new float[LAYERS][HEADS][tokens][tokens];
    for (float[][][] layer : weights) {
      for (float[][] head : layer) {
        for (float[] query : head) {
          for (int key = 0; key < tokens; key++) {
            query[key] = random.nextFloat();
          }
        }
      }
    }
    weights[0][0][0][0] = 1;
    weights[1][2][1][0] = 0;
    return weights;
  }

  private String write(int tokens, float[][][][] weights) throws IOException {
    Path file = folder.resolve("weights.json");
    WeightsJson.write(file, Collections.nCopies(tokens, "a"), weights);
    return Files.readString(file);
  }

  @Test
  void shortTextsHaveNumbers() throws IOException {
    int tokens = WeightsJson.MAX_READABLE;
    float[][][][] weights = weights(tokens);
    String json = write(tokens, weights);
    String numbers = json.substring(json.indexOf("\"weights\":")).replaceAll("[^0-9.E,-]", "");
    String[] read = numbers.split(",");
    int i = 0;
    for (float[][][] layer : weights) {
      for (float[][] head : layer) {
        for (float[] query : head) {
          for (float weight : query) {
            assertEquals(weight, Float.parseFloat(read[i++]));
          }
        }
      }
    }
    assertEquals(i, read.length);
  }

  @Test
  void longTextsArePacked() throws IOException {
    int tokens = WeightsJson.MAX_READABLE + 1;
    float[][][][] weights = weights(tokens);
    String json = write(tokens, weights);
    Matcher packed =
        Pattern.compile(
                "\"weights\":\\{\"dtype\":\"uint16\",\"scale\":65535,\"shape\":\\[([0-9,]+)\\],"
                    + "\"base64\":\"([^\"]+)\"\\}\\}\n$")
            .matcher(json);
    assertTrue(packed.find(), json.substring(0, 1000));
    assertEquals(
        List.of(LAYERS, HEADS, tokens, tokens).toString().replace(" ", ""),
        "[" + packed.group(1) + "]");
    ByteBuffer bytes =
        ByteBuffer.wrap(Base64.getDecoder().decode(packed.group(2))).order(ByteOrder.LITTLE_ENDIAN);
    for (float[][][] layer : weights) {
      for (float[][] head : layer) {
        for (float[] query : head) {
          float[] read = new float[tokens];
          for (int key = 0; key < tokens; key++) {
            read[key] = Short.toUnsignedInt(bytes.getShort()) / 65535f;
          }
          assertArrayEquals(query, read, 8e-6f);
        }
      }
    }
    assertEquals(0, bytes.remaining());
  }
}
