// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.call;

/** What a call does with a tensor. */
public enum Role {
  INPUT,
  OUTPUT,
  /** Read once, when the layer is made. */
  WEIGHT
}
